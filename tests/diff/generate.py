"""Random queries over the twin tables, from a seed.

Every query has one answer: no LIMIT without a total order, no aggregate whose result depends on the order of its input,
sums only of values that add up exactly, and no expression that can fail for some rows only (whether it would be evaluated
for a row is the planner's choice).
"""
import random
import re

# Columns by kind: "exact" numbers may be summed, "number" only compared, "text", "int" (a beds-like feature).
TABLES = {
    "houses": {"exact": ["id", "price", "grade", "sold", "beds"], "number": ["p_house", "rent", "sqft", "price_k"],
               "text": ["kind", "city", "late"], "int": ["beds"], "size": 1500},
    "lots": {"exact": ["id", "price", "beds"], "number": ["sqft"], "text": ["kind", "city", "note"], "int": ["beds"], "size": 1100},
    "agents": {"exact": ["aid", "hid", "floor"], "number": [], "text": ["name"], "int": ["aid"], "size": 800},
    "estate": {"exact": ["id", "price", "beds"], "number": ["sqft"], "text": ["city"], "int": ["beds"], "size": 110},
    "vecs": {"exact": ["id", "beds", "y"], "number": [], "text": [], "int": ["beds"], "size": 200},
    "few": {"exact": ["id", "price", "beds"], "number": ["sqft"], "text": ["kind", "city"], "int": ["beds"], "size": 12},
    "nothing": {"exact": ["id", "price", "beds"], "number": [], "text": ["city"], "int": ["beds"], "size": 0},
    "joined": {"exact": ["id", "price", "aid"], "number": [], "text": ["name"], "int": ["aid"], "size": 1500},
    "barred": {"exact": ["id", "price", "beds"], "number": [], "text": ["kind"], "int": ["beds"], "size": 500},
    "rich": {"exact": ["id", "p2"], "number": [], "text": [], "int": ["id::int"], "size": 900},
    "united": {"exact": ["id", "price"], "number": [], "text": [], "int": ["id::int"], "size": 30},
    "lots_2": {"exact": ["id", "price", "beds"], "number": ["sqft"], "text": ["kind", "city"], "int": ["beds"], "size": 400},
}
SMALL = ["few", "few", "estate", "vecs", "nothing", "united"]
WEIGHTED = ["houses"] * 6 + ["few"] * 4 + ["lots"] * 3 + ["agents"] * 3 + ["estate", "vecs", "nothing", "joined", "barred", "rich",
                                                                          "united", "lots_2"]
ROW_TABLES = {"few", "estate", "vecs", "lots", "houses", "lots_2"}
# Where nearest neighbours are looked for: table, column, what kind of vector it is compared with.
NEAREST = [("near", "v", "vector"), ("near", "v", "vector"), ("near", "r", "array"), ("grid", "v", "grid"), ("parts", "v", "vector"),
           ("parts_3", "v", "vector")]
KINDS = ["'castle'", "'house'", "'it''s a flat'", "'Oslo'", "'Rome'"]


class Scope:
    """Columns that may be named at a place of the query; `outer` for correlated subqueries."""

    def __init__(self, outer=None):
        self.items, self.outer = [], outer

    def add(self, alias, columns, rows=False):
        self.items.append((alias, columns, rows))

    def choices(self, *kinds):
        found = [f"{alias}.{column}" for alias, columns, _ in self.items for kind in kinds for column in columns.get(kind, [])]
        return found


class Generator:
    def __init__(self, seed):
        self.random = random.Random(f"queries {seed}")
        self.count = self.aliases = self.subqueries = 0
        self.calls = []

    def query(self):
        self.count += 1
        self.aliases = self.subqueries = 0
        self.calls = []
        shape = self.random.random()
        if shape < 0.12:
            return self.set_operation()
        if shape < 0.22:
            return self.with_query()
        return self.select(None, 2)[0]

    # ------------------------------------------------------------------------------------------------------- helpers
    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(items)

    def alias(self):
        self.aliases += 1
        return f"t{self.aliases}"

    # --------------------------------------------------------------------------------------------------- expressions
    def column(self, scope, *kinds):
        own = scope.choices(*kinds)
        outer = scope.outer.choices(*kinds) if scope.outer else []
        if outer and (not own or self.chance(0.3)):
            return self.pick(outer)
        return self.pick(own) if own else None

    def number(self, scope, depth=2, exact=False):
        kinds = ("exact",) if exact else ("exact", "number")
        name = self.column(scope, *kinds)
        roll = self.random.random()
        if depth <= 0 or roll < 0.45:
            return name if name and self.chance(0.9) else self.literal()
        deeper = lambda: self.number(scope, depth - 1, exact)  # noqa: E731
        if roll < 0.55:
            return f"({deeper()} {self.pick(['+', '-'])} {deeper()})"
        if roll < 0.65:
            return f"CASE WHEN {self.condition(scope, depth - 1)} THEN {deeper()} {'ELSE ' + deeper() if self.chance(0.7) else ''} END"
        if roll < 0.72:
            return f"coalesce({deeper()}, {deeper()})"
        if roll < 0.77:
            return f"{self.pick(['greatest', 'least'])}({deeper()}, {deeper()})"
        if roll < 0.80:
            return f"nullif({deeper()}, {deeper()})"
        if roll < 0.88:
            return self.call(scope)
        if roll < 0.93 and self.subqueries < 2:
            return self.scalar_subquery(scope)
        return f"abs({deeper()})"

    def literal(self):
        return self.pick(["0", "1", "2", "150000", "200000.5", "3e5", "NULL::float8", "12", "40"])

    def call(self, scope):
        """A direct call. Its features may come from anywhere, also from the nullable side of an outer join."""
        # One that stands elsewhere already, in a join clause say: an optimizer may share it where that is wrong.
        known = {alias for alias, _, _ in scope.items}
        earlier = [text for text, used in self.calls if used <= known]
        if earlier and self.chance(0.4):
            return self.pick(earlier)
        first = self.column(scope, "exact", "number") or "100"
        second = self.column(scope, "int") or "2"
        third = self.column(scope, "text") or "'Oslo'::text"
        if self.chance(0.2):
            third = self.pick(["'Rome'::text", "NULL::text"])
        # hid, floor and sums of them are float8 or bigint; the wrappers take float8 and int.
        text = f"pgml.predict('house price', ({first})::float8, ({second})::int, {third})"
        self.calls.append((text, set(re.findall(r"\bt[0-9]+(?=\.)|\bx(?=\.)", text))))
        return text

    def text(self, scope, depth=1):
        name = self.column(scope, "text")
        roll = self.random.random()
        if depth <= 0 or roll < 0.6:
            return name or self.pick(KINDS)
        if roll < 0.7:
            return f"CASE WHEN {self.condition(scope, depth - 1)} THEN {self.text(scope, depth - 1)} ELSE {self.pick(KINDS)} END"
        if roll < 0.8:
            return f"coalesce({self.text(scope, 0)}, {self.text(scope, 0)})"
        if roll < 0.88:
            rows = [alias for alias, _, rows in scope.items if rows]
            return f"{self.pick(rows)}::text" if rows else f"upper({name or KINDS[0]})"
        if roll < 0.94:
            first, second = self.column(scope, "exact") or "100", self.column(scope, "int") or "2"
            return f"pgml.classify('kind', ({first})::float8, ({second})::int, 'Oslo'::text)"
        return f"({self.number(scope, 0, True)})::text"

    def condition(self, scope, depth=2):
        roll = self.random.random()
        if depth > 0 and roll < 0.25:
            return f"({self.condition(scope, depth - 1)} {self.pick(['AND', 'OR'])} {self.condition(scope, depth - 1)})"
        if depth > 0 and roll < 0.30:
            return f"NOT ({self.condition(scope, depth - 1)})"
        if depth > 0 and roll < 0.42 and self.subqueries < 2:
            return self.subquery_condition(scope)
        if roll < 0.50:
            return f"{self.number(scope, 0)} IS {self.pick(['NULL', 'NOT NULL'])}"
        if roll < 0.62:
            return f"{self.text(scope, 0)} {self.pick(['=', '<>', '<', '>='])} {self.pick(KINDS) if self.chance(0.6) else self.text(scope, 0)}"
        if roll < 0.68:
            return f"{self.number(scope, 1)} BETWEEN {self.literal()} AND {self.number(scope, 0)}"
        if roll < 0.72:
            return f"({self.number(scope, 0)}, {self.text(scope, 0)}) {self.pick(['<', '>=', '='])} ({self.literal()}, {self.pick(KINDS)})"
        return f"{self.number(scope, depth)} {self.pick(['<', '>', '<=', '>=', '=', '<>', 'IS DISTINCT FROM'])} {self.number(scope, depth - 1)}"

    def small_scope(self, scope):
        table, alias = self.pick(SMALL), self.alias()
        inner = Scope(outer=scope)
        inner.add(alias, TABLES[table], table in ROW_TABLES)
        return table, alias, inner

    def scalar_subquery(self, scope):
        self.subqueries += 1
        table, alias, inner = self.small_scope(scope)
        return (f"(SELECT {self.pick(['max', 'min', 'sum', 'count'])}({self.pick(inner.choices('exact'))}) FROM {table} {alias}"
                f" WHERE {self.condition(inner, 1)})")

    def subquery_condition(self, scope):
        self.subqueries += 1
        table, alias, inner = self.small_scope(scope)
        where = self.condition(inner, 1)
        form = self.random.random()
        if form < 0.4:
            return f"{self.pick(['', 'NOT '])}EXISTS (SELECT 1 FROM {table} {alias} WHERE {where})"
        own = self.pick(inner.choices("exact"))
        if form < 0.8:
            return f"{self.number(scope, 1)} {self.pick(['IN', 'IN', 'NOT IN'])} (SELECT {own} FROM {table} {alias} WHERE {where})"
        return f"{self.number(scope, 0)} {self.pick(['<', '>', '='])} {self.pick(['ANY', 'ALL'])} (SELECT {own} FROM {table} {alias} WHERE {where})"

    # --------------------------------------------------------------------------------------------------------- FROM
    def from_item(self, scope, depth, lateral):
        """Text, alias, columns, size, has rows of a table type."""
        roll = self.random.random()
        alias = self.alias()
        if depth > 0 and roll < 0.16:
            inner_scope = scope if lateral and self.chance(0.6) else None
            body, columns = self.select(inner_scope, depth - 1, inside=True)
            return f"{'LATERAL ' if lateral else ''}({body}) {alias}", alias, columns, 100, False
        if roll < 0.22:
            table = self.pick(["houses", "lots", "few"])
            modulus = self.pick([3, 7, 50])
            columns = TABLES[table]
            wrap = self.pick(["", " OFFSET 0", " ORDER BY price, id"])
            return f"(SELECT * FROM {table} WHERE id % {modulus} = 1{wrap}) {alias}", alias, columns, columns["size"] // modulus, True
        if roll < 0.26:
            columns = {"exact": ["id", "price"], "number": [], "text": [], "int": ["id::int"]}
            return f"f_srf_atomic({self.pick(['250000', '330000', '100000'])}) {alias}", alias, columns, 700, True
        if roll < 0.29:
            return f"f_srf({self.pick(['5', '60'])}) {alias}", alias, TABLES["houses"], 60, True
        if roll < 0.31:
            return (f"(VALUES (1, 150000::float8, 'house'), (2, 250000, NULL), (NULL, 1, 'castle')) {alias} (n, x, k)", alias,
                    {"exact": ["n", "x"], "number": [], "text": ["k"], "int": ["n"]}, 3, True)
        if roll < 0.36:
            return self.nearest(scope if lateral else None, alias)
        table = self.pick(WEIGHTED)
        return f"{table} {alias}", alias, TABLES[table], TABLES[table]["size"], table in ROW_TABLES

    def nearest(self, scope, alias):
        """The rows nearest to a vector. Some are as near as others: after the distance, the key decides."""
        table, column, kind = self.pick(NEAREST)
        number = self.pick(range(1, 13))
        keys = scope.choices("int") if scope else []
        lateral = bool(keys) and self.chance(0.3)
        if lateral:
            number = f"1 + abs(({self.pick(keys)})::int) % 12"
        wanted = {"vector": "q", "array": "r", "grid": "on_grid"}[kind]
        query = f"(SELECT q.{wanted} FROM queries q WHERE q.n = {number})"
        if kind == "vector" and not lateral and self.chance(0.6):
            query = f"q({number})"
        operator = self.pick(["<->", "<->", "<#>"] + ["<=>"] * (kind != "grid"))
        distance = f"{column} {operator} {query}"
        price = ", price" if table == "near" else ""
        conditions = [f"{column} IS NOT NULL"]
        conditions += [self.pick(["id % 3 = 1", "g = 1", "g > 2", "id % 41 = 0", "id < 300"] + ["price > 200000", "city = 'Oslo'"] * (table == "near"))
                       for _ in range(self.pick([0, 1, 1]))]
        if self.chance(0.3):
            limit = {"<->": ["0.8", "1.3", "2"], "<#>": ["-2", "0", "1.5"], "<=>": ["0.05", "0.4", "1"]}[operator]
            conditions.append(f"{distance} {self.pick(['<', '<=', '<', '>'])} {self.pick(limit)}")
        tail = f" LIMIT {self.pick([1, 5, 20, 100])}{self.pick(['', '', ' OFFSET 3'])}" if self.chance(0.85) else ""
        columns = {"exact": ["id", "g"] + ["price"] * (table == "near"), "number": ["d"], "text": [], "int": ["g"]}
        return (f"{'LATERAL ' if lateral else ''}(SELECT id, g{price}, {distance} AS d FROM {table} WHERE {' AND '.join(conditions)}"
                f" ORDER BY {distance}, id{tail}) {alias}", alias, columns, 100, True)

    def from_clause(self, scope, depth):
        text, alias, columns, size, rows = self.from_item(scope, depth, False)
        scope.add(alias, columns, rows)
        total = max(size, 1)
        for _ in range(self.pick([0, 0, 1, 1, 1, 2, 2])):
            kind = self.pick(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","])
            lateral = kind in ("JOIN", "LEFT JOIN", "CROSS JOIN")
            item, alias, columns, size, rows = self.from_item(scope, depth, lateral)
            left = Scope()
            left.items = list(scope.items)
            scope.add(alias, columns, rows)
            if kind in ("CROSS JOIN", ",") and total * max(size, 1) > 20000:
                kind = "JOIN"
            right = Scope()
            right.add(alias, columns, rows)
            if kind == ",":
                # A comma binds weaker than JOIN: later ON clauses could not name what stands before it.
                kind = "CROSS JOIN"
            if kind == "CROSS JOIN":
                text += f" CROSS JOIN {item}"
                total *= max(size, 1)
                continue
            equal = f"{self.pick(left.choices('exact'))} = {self.pick(right.choices('exact'))}"
            if kind == "FULL JOIN":
                condition = equal
            elif total * max(size, 1) > 20000 or self.chance(0.5):
                condition = equal + (f" AND {self.condition(scope, 1)}" if self.chance(0.5) else "")
            else:
                condition = self.condition(scope, 1)
            text += f" {kind} {item} ON {condition}"
            total = max(total, size)
        return text

    # ------------------------------------------------------------------------------------------------------- SELECT
    def select(self, outer, depth, inside=False):
        """A SELECT and, for one that stands in FROM, the columns it offers."""
        scope = Scope(outer)
        source = self.from_clause(scope, depth - 1 if inside else depth)
        where = f" WHERE {self.condition(scope, 2)}" if self.chance(0.65) else ""
        roll = self.random.random()
        if roll < 0.28:
            return self.aggregated(scope, source, where, inside)
        exact = [self.number(scope, 2, True) for _ in range(self.pick([1, 1, 2]))]
        texts = [self.text(scope, 1) for _ in range(self.pick([0, 1, 1]))]
        window = []
        if roll > 0.85 and not inside:
            window = [self.window(scope)]
        outputs = [f"{text} AS c{number}" for number, text in enumerate(exact + texts + window, 1)]
        distinct = "DISTINCT " if self.chance(0.1) else ""
        tail = ""
        if self.chance(0.35):
            order = ", ".join(f"{number}{self.pick(['', ' DESC', ' NULLS FIRST'])}" for number in range(1, len(outputs) + 1))
            tail = f" ORDER BY {order}"
            if self.chance(0.6):
                tail += f" LIMIT {self.pick([1, 3, 10, 25])}"
                if self.chance(0.3):
                    tail += f" OFFSET {self.pick([0, 2, 8])}"
        columns = {"exact": [f"c{n + 1}" for n in range(len(exact))], "number": [],
                   "text": [f"c{len(exact) + n + 1}" for n in range(len(texts))], "int": []}
        return f"SELECT {distinct}{', '.join(outputs)} FROM {source}{where}{tail}", columns

    def window(self, scope):
        value, order = self.number(scope, 0, True), self.number(scope, 1)
        partition = f"PARTITION BY {self.text(scope, 0)} " if self.chance(0.5) else ""
        function = self.pick([f"sum({value})", "rank()", "dense_rank()", "count(*)", f"max({value})", "cume_dist()"])
        frame = self.pick(["", "", " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"]) if "rank" not in function else ""
        return f"{function} OVER ({partition}ORDER BY {order}{frame})"

    def aggregate(self, scope):
        # Without outer columns: an aggregate of those alone would belong to the outer query.
        own = Scope()
        own.items, scope = scope.items, own
        value = self.number(scope, 1, True)
        text = self.pick([f"sum({value})", f"max({value})", f"min({self.text(scope, 0)})", "count(*)", f"count({value})",
                          f"avg({value})", f"count(DISTINCT {self.text(scope, 0)})", f"max({self.call(scope)})"])
        if self.chance(0.25):
            text += f" FILTER (WHERE {self.condition(scope, 1)})"
        return text

    def aggregated(self, scope, source, where, inside):
        keys = [self.column(scope, "text") or self.column(scope, "exact") for _ in range(self.pick([0, 1, 1, 2]))]
        keys = list(dict.fromkeys(key for key in keys if key))
        if keys and self.chance(0.3):
            keys[0] = self.column(scope, "exact") or keys[0]
            keys = list(dict.fromkeys(keys))
        aggregates = [self.aggregate(scope) for _ in range(self.pick([1, 2, 2]))]
        outputs = [f"{text} AS c{number}" for number, text in enumerate(keys + aggregates, 1)]
        group = ""
        if keys:
            inner = ", ".join(keys)
            group = " GROUP BY " + (self.pick([f"ROLLUP ({inner})", f"CUBE ({inner})", f"GROUPING SETS (({inner}), ())"])
                                    if self.chance(0.25) else inner)
        having = f" HAVING {self.aggregate(scope)} IS NOT NULL" if self.chance(0.2) else ""
        # What an enclosing query may use: nothing certain about the types, so only count(*) under a known name.
        outputs.append(f"count(*) AS c{len(outputs) + 1}")
        columns = {"exact": [f"c{len(outputs)}"], "number": [], "text": [], "int": [f"c{len(outputs)}::int"]}
        order = ""
        if not inside and self.chance(0.3):
            order = " ORDER BY " + ", ".join(str(n) for n in range(1, len(outputs) + 1))
        return f"SELECT {', '.join(outputs)} FROM {source}{where}{group}{having}{order}", columns

    def set_operation(self):
        parts = []
        for _ in range(self.pick([2, 2, 3])):
            scope = Scope()
            source = self.from_clause(scope, 1)
            parts.append(f"SELECT ({self.number(scope, 2, True)})::float8 AS a, {self.text(scope, 1)} AS b FROM {source}"
                         f" WHERE {self.condition(scope, 2)}")
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.pick(['UNION', 'UNION ALL', 'EXCEPT', 'EXCEPT ALL', 'INTERSECT', 'INTERSECT ALL'])} {part}"
        return text + self.pick(["", " ORDER BY 1, 2", " ORDER BY 1, 2 LIMIT 9"])

    def with_query(self):
        body, columns = self.select(None, 1, inside=True)
        scope = Scope()
        scope.add("x", columns, True)
        item, alias, more, _, rows = self.from_item(scope, 0, False)
        scope.add(alias, more, rows)
        join = self.pick(["JOIN", "LEFT JOIN", "FULL JOIN"])
        equal = f"x.{self.pick(columns['exact'])} = {alias}.{self.pick(more['exact'])}"
        return (f"WITH w AS {self.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}({body})"
                f" SELECT {self.number(scope, 1, True)}, {self.text(scope, 1)} FROM w x {join} {item} ON {equal}"
                f"{' WHERE ' + self.condition(scope, 1) if self.chance(0.5) else ''}")
