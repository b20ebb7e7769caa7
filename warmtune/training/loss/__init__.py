"""What a training minimizes: the cross-entropy of the labelled tokens, and named terms that are added to it.

A term is one module here: a class with the two methods of `terms.LossTerm`, and a line in `term_registry.TERMS` that
gives it its name. `train.loss_terms={NAME: WEIGHT}` adds WEIGHT times the term's sum over the labelled tokens to the
sum of their cross-entropies, before both are divided by the number of these tokens; weight 0 leaves the term out.

A term is called with the labelled tokens of a micro-batch (`terms.LabelledTokens`). They hold the hidden states from
which each label is predicted, the output layer, the whole batch, the model, and the hidden states of the base without
the adapter. The term returns a scalar through which the gradient reaches the adapter. Logits of all tokens at once
would not fit into memory, so a term that needs logits sums over pieces:

    class KLToBase:
        def __call__(self, tokens):
            def divergence(hidden, piece):
                ours = tokens.head.logits(hidden).log_softmax(-1)
                base = tokens.head.logits(tokens.reference[piece]).log_softmax(-1)
                return functional.kl_div(base, ours, reduction="sum", log_target=True)

            return tokens.sum_in_pieces(divergence)

        def memory(self, batch):
            return batch.logits(copies=5) + batch.reference_pass()

`memory` is what `warmtune plan` and the check before a training add to their estimate. The value of every term is
logged at every step as `loss/NAME`, beside the cross-entropy's (`loss/cross_entropy`).
"""
