"""The page of a search, `report.html`: what it found, drawn from the files in its folder alone, at any time.

`evidence.py` reads the folder, each other file draws one kind of picture of it, and `page.py` puts them together. The
page is one file that needs no network: Plotly's JavaScript lies in it, compressed. Its first screen is plain HTML.
"""
