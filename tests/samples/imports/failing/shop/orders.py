ORDERS = [["tea"]]
