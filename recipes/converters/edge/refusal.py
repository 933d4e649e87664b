"""Why a model is not translated."""


class Refusal(Exception):
    """Names the operator and the layer, so that the message alone tells where the model must change."""

    def __init__(self, node, why):
        name = node.name or (node.output[0] if node.output else "")
        super().__init__("%s (%s): %s" % (node.op_type, name, why))
