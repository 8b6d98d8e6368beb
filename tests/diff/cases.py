"""The query files: one statement ending in ";" at the end of a line is one case; BEGIN CASE name ... END CASE holds several."""
import pathlib
import re


class Case:
    def __init__(self, name, statements, values, transaction):
        self.name, self.statements, self.values, self.transaction = name, statements, values, transaction

    def reads_only(self):
        """A single SELECT-like statement, which may also run through a cursor, a prepared statement or PL/pgSQL."""
        text = self.statements[0]
        return (not self.transaction and re.match(r"\(|SELECT|WITH|VALUES|TABLE", text) is not None
                and not re.search(r"\bFOR (NO KEY )?(UPDATE|SHARE)\b", text))


def load(folder, wanted):
    cases = []
    for path in sorted(pathlib.Path(folder).glob("*.sql")):
        cases += [case for case in _parse(path) if wanted is None or wanted in case.name or wanted in " ".join(case.statements)]
    return cases


def _parse(path):
    block, statements, text = None, [], ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("BEGIN CASE "):
            block, statements = line.split()[2], []
        elif line == "END CASE":
            yield Case(f"{path.stem}:{block}", statements, [], True)
            block = None
        elif text or (line and not line.startswith("--")):
            text = f"{text}\n{line}" if text else line
            statement, _, parameters = text.partition("; -- $ ")
            if not parameters and not text.endswith(";"):
                continue
            statement, text = statement.rstrip(";"), ""
            if block:
                statements.append(statement)
            else:
                yield Case(f"{path.stem}:{number}", [statement], parameters.split(" | ") if parameters else [], False)
    if block or text:
        raise ValueError(f"{path}: unfinished case")


def has_top_level_order(sql):
    """Whether the order of the rows is part of the answer: ORDER BY outside of all parentheses and quotes."""
    flat = re.sub(r"\$\$.*?\$\$|'(?:[^']|'')*'", "''", sql, flags=re.S)
    depth, outside = 0, []
    for character in flat:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            outside.append(character)
    return "ORDER BY" in "".join(outside) or sql.startswith("FETCH")


# On the reference side a direct call of the family runs through the PL/pgSQL wrappers of models.sql, row by row.
_WRAPPERS = {
    "pgml.predict('house price', ": "direct.house_price(", "pgml.predict('rent', ": "direct.rent(",
    "pgml.classify('kind', ": "direct.kind(", "pgml.predict_proba('kind', ": "direct.kind_proba(",
    "pgml.class_probability('kind', ": "direct.kind_class_probability(", "pgml.predict('vector', ": "direct.vector(",
    "pgml.predict('crowd', ": "direct.crowd(", "pgml.decompose('axes', ": "direct.axes(",
    "pgml.embed('axes', ": "direct.spot(", "pgml.predict_joint('both', ": "direct.both(",
    "pgml.predict('grade', ": "direct.grade(", "pgml.predict('sold', ": "direct.sold(",
    "pgml.predict('narrow', ": "direct.narrow(",
}


def through_wrappers(sql):
    for call, wrapper in _WRAPPERS.items():
        sql = sql.replace(call, wrapper)
    return sql
