def deeper():
    raise ValueError("the import's own words")


deeper()
