from shop.prices import PRICES


def total(items):
    return sum(PRICES[item] for item in items)
