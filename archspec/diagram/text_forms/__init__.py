"""Pictures and graphs as text that other programs lay out or read: Graphviz, Mermaid, networkx, yEd, Gephi."""
