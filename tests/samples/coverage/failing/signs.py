def sign(number):
    if number < 0:
        return "minus"
    return "plus"
