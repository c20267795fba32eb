import idna


def ascii_form(domain):
    return idna.encode(domain).decode()
