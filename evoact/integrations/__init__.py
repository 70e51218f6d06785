"""Annealing inside the training loops of other libraries.

`evoact.integrations.lightning` needs `pip install 'evoact[lightning]'`, and
`evoact.integrations.transformers` needs `pip install 'evoact[transformers]'`;
evoact imports neither unless asked to.
"""
