"""Programs with the gradient srcad writes for them, beside the one a person wrote (`by_hand`).

`<name>_grad.py` is srcad's own text: `pytest tests/test_goldens.py --update-golden` writes it anew.
"""
