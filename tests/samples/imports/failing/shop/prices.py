from shop.orders import ORDERS

PRICES = {item: 3 for order in ORDERS for item in order}
