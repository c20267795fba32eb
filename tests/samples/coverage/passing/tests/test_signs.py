from signs import sign


def test_minus():
    assert sign(-1) == "minus"


def test_plus():
    assert sign(1) == "plus"
