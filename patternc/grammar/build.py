"""From Lark's parse tree to `tree.File`.

For: the one place that knows the shapes `attn.lark` produces. Not for: judging what was written. The recursion is as
deep as the expression is nested, which `parse.py` has limited before.
"""

from __future__ import annotations

from typing import Literal

from lark import Token as LarkToken
from lark import Tree

from patternc.grammar import tree
from patternc.grammar.lexer import Node
from patternc.source import Span


def statement_nodes(node: Node) -> list[Node]:
    """The nodes of a file's statements."""
    return [_node(child) for child in _children(node)]


def declared_name(statement: Node) -> str:
    """The name a statement declares, or the first word in it."""
    return next((str(child) for child in _children(statement) if isinstance(child, LarkToken)), "")


def too_deep_in(node: Node, limit: int) -> Span | None:
    """Where a node begins to be nested more than `limit` deep; None when it is not. A loop: the nesting may be any."""
    waiting = [(node, 1)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > limit:
            start = _span(inner).start
            return Span(start, start + 1)
        waiting.extend((child, depth + 1) for child in _children(inner) if isinstance(child, Tree))
    return None


Branch = Node | LarkToken | None
"""A child of a node; None where the grammar's brackets were left out."""


def _children(node: Node) -> list[Branch]:
    return list(node.children)


def _node(child: Branch) -> Node:
    assert isinstance(child, Tree), child
    return child


def _span(node: Node | LarkToken) -> Span:
    if isinstance(node, LarkToken):
        assert node.start_pos is not None
        assert node.end_pos is not None
        return Span(node.start_pos, node.end_pos)
    return Span(node.meta.start_pos, node.meta.end_pos)


def _word(child: Branch) -> tree.Word:
    assert isinstance(child, LarkToken), child
    return tree.Word(str(child), _span(child))


def build_statement(node: Node) -> tree.Statement:
    """The tree of one statement."""
    span = _span(node)
    match node.data:
        case "use":
            target = _word(_children(node)[0])
            if not target.text.startswith('"'):
                return tree.Use(target, True, span)
            return tree.Use(tree.Word(target.text[1:-1], target.span), False, span)
        case "param":
            return tree.Param(_word(_children(node)[0]), _expression(_children(node)[1]), span)
        case "pattern":
            name, parameters, body = _children(node)
            words = () if parameters is None else tuple(_word(child) for child in _children(_node(parameters)))
            return tree.Pattern(_word(name), words, _expression(body), span)
        case "model":
            name, *settings = _children(node)
            return tree.Model(_word(name), tuple(_setting(_node(child)) for child in settings), span)
        case other:
            assert other == "expect", other
            return tree.Expect(_condition(_node(_children(node)[0])), span)


def _setting(node: Node) -> tree.Flag | tree.Setting | tree.Layers:
    span = _span(node)
    match node.data:
        case "causal" | "bidirectional" as direction:
            return tree.Flag(direction, span)
        case "allow_empty":
            return tree.Flag("allow empty", span)
        case "tokens" | "heads" | "kv_heads" | "head_dim" as name:
            return tree.Setting(name, _expression(_children(node)[0]), span)
        case "layers":
            count, *entries = _children(node)
            body = tuple(_layer_entry(_node(entry)) for entry in entries)
            return tree.Layers(_expression(count), body, False, span)
        case other:
            assert other == "repeated_layers", other
            count, *rounds = _children(node)
            return tree.Layers(_expression(count), tuple(_round(_node(each)) for each in rounds), True, span)


def _layer_entry(node: Node) -> tree.LayerEntry:
    selector, pattern = _children(node)
    return tree.LayerEntry(_selector(_node(selector)), _assigned(_node(pattern)), _span(node))


def _round(node: Node) -> tree.Round:
    count, pattern = _children(node)
    word = _word(count)
    counted: tree.Number | tree.Name | tree.Missing
    if word.text == tree.ABSENT:
        counted = tree.Missing(word.span)
    elif word.text.isdigit():
        counted = tree.Number(word.text, span=word.span)
    else:
        counted = tree.Name(word.text, word.span)
    return tree.Round(counted, _assigned(_node(pattern)), _span(node))


def _assigned(node: Node) -> tree.Expression | tree.HeadBlock:
    if node.data != "head_block":
        return _expression(node)
    return tree.HeadBlock(tuple(_head_entry(_node(entry)) for entry in _children(node)), _span(node))


def _head_entry(node: Node) -> tree.HeadEntry:
    selector, pattern = _children(node)
    return tree.HeadEntry(_selector(_node(selector)), _expression(pattern), _span(node))


def _selector(node: Node) -> tree.Selector:
    match node.data:
        case "even" | "odd" | "all" | "rest" as which:
            return tree.Selector(which, _span(node))
        case _:
            return tree.Selector(_expression(node), _span(node))


def _condition(node: Node) -> tree.Condition:
    span = _span(node)
    match node.data:
        case "comparison":
            left, sign, right = _children(node)
            operator = _word(sign)
            return tree.Comparison(
                _expression(left), tree.Operator(operator.text, operator.span), _expression(right), span
            )
        case "connected":
            depth, from_any_layer, to_past = _children(node)
            return tree.Connected(
                None if depth is None else _expression(depth), from_any_layer is not None, to_past is not None, span
            )
        case "order":
            growth = _node(_children(node)[0])
            return tree.Order(_growth([str(child) for child in _children(growth) if child is not None]), span)
        case other:
            assert other == "crop_stable", other
            return tree.CropStable(span)


def _growth(words: list[str]) -> str:
    match words:
        case [base, power] if power[0].isdigit():
            return f"{base}^{power}"
        case [base, function, argument]:
            return f"{base} * {function}({argument})"
        case _:
            return words[0]


def _expression(node: Branch) -> tree.Expression:
    node = _node(node)
    span = _span(node)
    children = _children(node)
    match node.data:
        case "number" | "decimal" | "percent":
            forms: dict[str, Literal["integer", "decimal", "percent"]]
            forms = {"number": "integer", "decimal": "decimal", "percent": "percent"}
            return tree.Number(str(children[0]), forms[node.data], span)
        case "name":
            word = _word(children[0])
            return tree.Missing(word.span) if word.text == tree.ABSENT else tree.Name(word.text, word.span)
        case "text":
            word = _word(children[0])
            return tree.Text(word.text[1:-1], word.span)
        case "negative":
            operand = children[-1]
            if isinstance(operand, LarkToken):  # the INT after a selector's minus
                return tree.Negative(tree.Number(str(operand), span=_span(operand)), span)
            return tree.Negative(_expression(operand), span)
        case "power":
            base, exponent = children
            return tree.Power(_expression(base), _expression(exponent), span)
        case "call":
            name, *arguments = children
            return tree.Call(_word(name), tuple(_argument(_node(each)) for each in arguments if each is not None), span)
        case "range":
            start, stop, step = children
            return tree.Range(_expression(start), _expression(stop), None if step is None else _expression(step), span)
        case "list":
            return tree.List(tuple(_expression(each) for each in children if each is not None), span)
        case "tuple":
            return tree.Tuple(tuple(_expression(each) for each in children), span)
        case _:  # a chain: operands and operators in turn
            operators = tuple(tree.Operator(word.text, word.span) for word in map(_word, children[1::2]))
            if any(operator.sign == tree.ABSENT for operator in operators):
                return tree.Missing(span)
            return tree.Chain(tuple(_expression(each) for each in children[::2]), operators, span)


def _argument(node: Node) -> tree.Argument:
    match node.data:
        case "named":
            name, value = _children(node)
            return tree.NamedArgument(_word(name), _expression(value), _span(node))
        case "direction":
            word = _word(_children(node)[0])
            return tree.DirectionArgument("causal" if word.text == "causal" else "bidirectional", word.span)
        case _:
            return _expression(node)
