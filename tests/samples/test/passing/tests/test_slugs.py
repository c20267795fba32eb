import pytest

from slugs import slug


@pytest.mark.parametrize("title", ["Two words", "two  WORDS", "two words!"])
def test_words(title):
    assert slug(title) == "two-words"
