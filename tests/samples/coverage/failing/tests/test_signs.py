from signs import sign


def test_one():
    assert sign(1) == "plus"


def test_two():
    assert sign(2) == "plus"
