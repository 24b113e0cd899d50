"""The routes of the profiles API: parse, call one function, respond. One module a noun."""
