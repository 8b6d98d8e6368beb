-- Reading prediction columns: every reference becomes a prediction, wherever it stands. Answers are compared with those of
-- a heap table that stores the real predictions.
CREATE SCHEMA regress_rewrite;
SET search_path = regress_rewrite;
SET client_min_messages = warning;
CREATE TABLE sales AS SELECT a::real AS sqft, a % 5 AS beds, (3.0 * a + 7 * (a % 5) + 11)::real AS price
	FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('rewrite', 'regression', 'sales', 'price');
-- A dropped column and one that is added later: attribute numbers and row types with holes.
CREATE TABLE houses (
	gone int, id int PRIMARY KEY, sqft real, note text, beds int,
	price float8 GENERATED ALWAYS AS (pgml.predict('rewrite', sqft, beds)) STORED
) USING pgml;
CREATE TABLE stored (
	gone int, id int PRIMARY KEY, sqft real, note text, beds int,
	price float8 GENERATED ALWAYS AS (pgml.predict('rewrite', sqft, beds)) STORED
);
ALTER TABLE houses DROP COLUMN gone;
ALTER TABLE stored DROP COLUMN gone;
INSERT INTO houses SELECT i, i % 40, 'n' || i, i % 5 FROM generate_series(1, 200) i;
INSERT INTO houses VALUES (201, NULL, NULL, 2), (202, NULL, NULL, NULL);
INSERT INTO stored SELECT id, sqft, note, beds FROM houses;
CREATE TABLE agents AS SELECT i AS aid, i * 2 AS hid FROM generate_series(1, 120) i;
ANALYZE houses, stored, agents;
RESET client_min_messages;

-- True when a query gives the same rows for both tables; @ stands for the table.
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE found text; rows text[]; names text[] = '{houses, stored}';
BEGIN
	FOR i IN 1 .. 2 LOOP
		EXECUTE format('SELECT string_agg(replace(q::text, ''stored'', ''houses''), E''\n'' ORDER BY q::text) FROM (%s) AS q',
			replace(query, '@', names[i])) INTO found;
		rows[i] = found;
	END LOOP;
	IF rows[1] IS DISTINCT FROM rows[2] THEN
		RAISE NOTICE E'%\n-- expected\n%', rows[1], rows[2];
	END IF;
	RETURN rows[1] IS NOT DISTINCT FROM rows[2] AND rows[1] IS NOT NULL;
END $$;

-- Plans are shown row by row: names of models would move.
SET pgml.batch = off;
SELECT count(price) AS predictions, count(*) FROM houses;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, price FROM houses WHERE id = 1 AND price > 0;
-- Nothing is computed that is not asked for.
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM houses WHERE sqft > 5;

RESET pgml.batch;
-- Joins: a prediction on the nullable side is NULL where there is no row, not the prediction for missing features.
SELECT same('SELECT aid, price FROM agents LEFT JOIN @ ON id = hid AND beds = 1');
SELECT same('SELECT aid, h FROM agents LEFT JOIN @ h ON id = hid AND beds = 1');
SELECT same('SELECT aid, h.id, h.price FROM agents FULL JOIN @ h ON h.id = hid');
SELECT same('SELECT aid FROM agents LEFT JOIN @ h ON h.id = hid AND h.price > 40 WHERE h.price IS NULL');
SELECT same('SELECT a.id, b.id, price FROM @ a JOIN @ b USING (price) WHERE a.id < 20');
SELECT same('SELECT a.id, b.id, price FROM @ a FULL JOIN @ b USING (price) WHERE a.id < 20 OR a.id IS NULL');
SELECT same('SELECT j FROM (@ a NATURAL JOIN (SELECT id, price FROM @) b) j');

-- Whole rows, in which the dropped column must not show.
SELECT same('SELECT h, h IS NULL AS a, h IS NOT NULL AS b, (h).price, row_to_json(h) FROM @ h');
SELECT same('SELECT x.h IS NOT NULL, x.h FROM (SELECT h FROM @ h ORDER BY price OFFSET 0) x');
SELECT same('SELECT CASE WHEN id > 5 THEN h END FROM @ h');
SELECT same('SELECT count(DISTINCT h), (array_agg(h ORDER BY id))[7].price FROM @ h');
SELECT same('SELECT x.* FROM @ h, LATERAL (SELECT (h).*) x');
SELECT same('SELECT h.x2, h FROM @ h(x1, x2, x3, x4, x5)');
SELECT count(*) FROM (SELECT h, h.ctid, h.tableoid FROM houses h) x WHERE (x.h).price IS NOT NULL;

-- System columns, also beside whole rows.
SELECT same('SELECT tableoid::regclass, id, ctid IS NULL AS c, price, xmin IS NULL AS x FROM @');
SELECT same('SELECT aid, h, h.ctid IS NULL AS c, h.tableoid IS NULL AS t FROM agents LEFT JOIN @ h ON h.id = hid AND h.price > 50');
SELECT id, round(price) AS price FROM houses WHERE ctid = '(0,3)';
SELECT count(*) FROM houses h JOIN houses i ON h.ctid = i.ctid AND h.price = i.price AND h = i;
SET pgml.batch = off;
EXPLAIN (COSTS OFF) SELECT id, price FROM houses WHERE ctid = '(0,3)';
RESET pgml.batch;

-- Subqueries of every kind, and references from inner queries to outer ones, several levels deep.
SELECT same('SELECT id, (SELECT max(price) FROM @ i WHERE i.beds = o.beds AND i.price < o.price) FROM @ o');
SELECT same('SELECT id FROM @ o WHERE (SELECT (SELECT o.price + m.price FROM @ i WHERE i.price = m.price LIMIT 1)
	FROM @ m WHERE m.id = o.id + 1) > 100');
SELECT same('SELECT id FROM @ o WHERE price IN (SELECT price FROM @ WHERE id < 5) AND price < ANY (SELECT price FROM @)');
SELECT same('SELECT id FROM @ o WHERE NOT EXISTS (SELECT FROM @ i WHERE i.price > o.price)');
SELECT same('SELECT ARRAY(SELECT price FROM @ i WHERE i.price < o.price ORDER BY 1), (SELECT h FROM @ h WHERE h.id = o.id) FROM @ o WHERE id < 20');
SELECT same('SELECT o.id, l.p FROM @ o, LATERAL (SELECT o.price * aid AS p FROM agents WHERE hid = o.id) l');
SELECT same('SELECT o.id, l.price FROM @ o CROSS JOIN LATERAL (SELECT price FROM @ WHERE price > o.price ORDER BY price LIMIT 1) l');
SELECT same('WITH c AS (SELECT id, price FROM @ WHERE price > 30), d AS MATERIALIZED (SELECT c.price AS p, h FROM c JOIN @ h USING (id)) SELECT * FROM d');
SELECT same('WITH RECURSIVE r(id, p) AS (SELECT id, price FROM @ WHERE id = 1 UNION ALL
	SELECT h.id, r.p + h.price FROM r JOIN @ h ON h.id = r.id + 1 WHERE r.id < 50) SELECT * FROM r');
SELECT same('SELECT price FROM @ UNION SELECT aid FROM agents EXCEPT ALL SELECT price FROM @ WHERE id < 20');

-- Grouping, windows, ordering, and clauses with expressions.
SELECT same('SELECT beds, price, count(*), GROUPING(price) FROM @ WHERE id < 50 GROUP BY GROUPING SETS ((beds, price), ROLLUP (price))');
SELECT same('SELECT id, price, note FROM @ GROUP BY id HAVING price > 20');
SELECT same('SELECT id, rank() OVER (PARTITION BY beds ORDER BY price), sum(price) OVER w FROM @ WINDOW w AS (ORDER BY price, id)');
SELECT same('SELECT DISTINCT ON (price) price, id FROM @ ORDER BY price, id');
SELECT same('SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY price), string_agg(price::text, '','' ORDER BY price DESC) FILTER (WHERE price > 30) FROM @');
SELECT same('SELECT id FROM @ ORDER BY price DESC, id LIMIT (SELECT count(*) FROM @ WHERE price < 30)');
SELECT same('SELECT id, price FROM @ ORDER BY price DESC FETCH FIRST 3 ROWS WITH TIES');
SELECT same('SELECT v.* FROM @ h, LATERAL (VALUES (h.price, h), (h.price + 1, h)) v(p, r)');
SELECT same('SELECT unnest(ARRAY[price, price + 1]) FROM @');
SELECT same('SELECT id FROM @ WHERE (price, id) > (50, 4) AND price BETWEEN SYMMETRIC 90 AND 40');

-- TABLESAMPLE goes along, with lateral arguments; row locks reach the table.
SELECT same('SELECT id, price FROM @ TABLESAMPLE system (100)');
SELECT same('SELECT aid, t.price FROM agents, LATERAL (SELECT price FROM @ TABLESAMPLE bernoulli (100 - aid + aid) REPEATABLE (1) WHERE id = hid) t');
SELECT same('SELECT aid, t.price FROM agents LEFT JOIN LATERAL (SELECT price, ctid FROM @ TABLESAMPLE bernoulli ((SELECT 100 WHERE aid > 0)) WHERE id = hid) t ON true');
SELECT same('SELECT h.id, h.price FROM @ h JOIN agents ON hid = h.id WHERE h.price > 30 FOR UPDATE OF h');
SET pgml.batch = off;
EXPLAIN (COSTS OFF) SELECT h.price FROM houses h JOIN agents a ON hid = h.id FOR NO KEY UPDATE OF h SKIP LOCKED;
RESET pgml.batch;

-- Views, also one that is older than a column.
CREATE VIEW plain AS SELECT id, price * 2 AS twice, houses AS h FROM houses WHERE price > 30;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, price FROM houses WHERE price > 30;
SELECT count(*), sum(twice) = 2 * sum((h).price) AS equal FROM plain;
SELECT count(*) = (SELECT count(*) FROM stored WHERE price > 30) AS equal FROM barrier;
ALTER TABLE houses ADD COLUMN extra int DEFAULT 7;
SELECT (h).extra, (h).id, (h).price = twice / 2 AS equal FROM plain WHERE id = 20;
ALTER TABLE houses DROP COLUMN extra CASCADE;
ALTER TABLE stored ADD COLUMN extra int;
ALTER TABLE stored DROP COLUMN extra;

-- Functions. The planner inlines the set-returning ones; they hold references of their own.
CREATE FUNCTION below(int) RETURNS SETOF houses LANGUAGE sql STABLE AS 'SELECT * FROM houses WHERE id < $1';
CREATE FUNCTION twice(int) RETURNS TABLE (i int, p float8) LANGUAGE sql STABLE AS
	'SELECT x.id, x.price FROM below($1) x, below($1 + 1) y WHERE x.id = y.id';
CREATE FUNCTION atomic() RETURNS SETOF float8 LANGUAGE sql STABLE BEGIN ATOMIC SELECT price FROM houses WHERE id < 4; END;
CREATE FUNCTION of_row(houses) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT $1.price + 1';
CREATE FUNCTION by_loop(int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r houses; result text = '';
BEGIN
	FOR r IN SELECT * FROM houses WHERE id < $1 ORDER BY id LOOP result = result || ' ' || round(r.price); END LOOP;
	RETURN result || ' ' || round((SELECT price FROM houses WHERE id = $1));
END $$;
SELECT id, round(price) AS price FROM below(3) ORDER BY id;
SET pgml.batch = off;
EXPLAIN (VERBOSE, COSTS OFF) SELECT price FROM below(3);
RESET pgml.batch;
SELECT i, round(p) AS p FROM twice(3) ORDER BY 1;
SELECT round(p) AS p FROM atomic() p;
SELECT g, x.id, round(x.price) AS price FROM generate_series(2, 3) g LEFT JOIN LATERAL below(g) x ON x.price > 20 ORDER BY 1, 2;
SELECT count(*) FROM ROWS FROM (below(3), atomic()) WHERE price IS NOT NULL;
SELECT round(of_row(h)) AS a, round(h.of_row) AS b FROM houses h WHERE id = 3;
SELECT by_loop(3);
PREPARE inlined AS SELECT id, round(price) AS price FROM below($1) ORDER BY id;
SET plan_cache_mode = force_generic_plan;
EXECUTE inlined(3);
CREATE OR REPLACE FUNCTION below(int) RETURNS SETOF houses LANGUAGE sql STABLE AS
	'SELECT * FROM houses WHERE id < $1 AND price > 25';
EXECUTE inlined(3);
RESET plan_cache_mode;
CREATE FUNCTION endless(int) RETURNS SETOF houses LANGUAGE sql STABLE AS 'SELECT * FROM houses WHERE id < $1';
CREATE OR REPLACE FUNCTION endless(int) RETURNS SETOF houses LANGUAGE sql STABLE AS 'SELECT * FROM endless($1)';
DO $$ BEGIN PERFORM * FROM endless(1); EXCEPTION WHEN statement_too_complex THEN RAISE NOTICE '%', SQLSTATE; END $$;

-- Partitions with another column order, inheritance: the expression of the table that is named.
CREATE TABLE part (id int, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite', a, b)) STORED) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (50) USING pgml;
CREATE TABLE part2 (b int, junk int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite', a, b)) STORED, id int, a real) USING pgml;
ALTER TABLE part2 DROP COLUMN junk;
ALTER TABLE part ATTACH PARTITION part2 FOR VALUES FROM (50) TO (100);
INSERT INTO part SELECT i, i % 40, i % 5 FROM generate_series(1, 99) i;
CREATE TABLE parent (id int, gone int, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite', a, b)) STORED) USING pgml;
ALTER TABLE parent DROP COLUMN gone;
CREATE TABLE child (extra text) INHERITS (parent) USING pgml;
INSERT INTO parent SELECT i, i % 40, i % 5 FROM generate_series(1, 9) i;
INSERT INTO child SELECT i, i % 40, i % 5 FROM generate_series(10, 19) i;
SELECT count(*), count(*) FILTER (WHERE p = price AND (x).p = price AND x IS NOT NULL) AS equal FROM part x JOIN stored USING (id);
SELECT count(*), count(*) FILTER (WHERE p = price) AS equal FROM part2 JOIN stored USING (id);
SELECT count(*), count(*) FILTER (WHERE p = price AND (x).p = price AND x IS NOT NULL) AS equal FROM parent x JOIN stored USING (id);
SELECT count(*), count(*) FILTER (WHERE p = price AND (x::parent).p = price) AS equal FROM child x JOIN stored USING (id);
SELECT count(*), count(*) FILTER (WHERE p = price) AS equal FROM ONLY parent JOIN stored USING (id);

-- Utility commands that plan a query.
CREATE TABLE copied AS SELECT * FROM houses WHERE id < 3;
SELECT id, round(price) AS price FROM copied ORDER BY id;
CREATE MATERIALIZED VIEW mat AS SELECT id, price, houses AS h FROM houses WHERE id < 3;
SELECT id, round(price) AS price, (h).price = price AS equal FROM mat ORDER BY id;
COPY (SELECT id, round(price), h IS NOT NULL FROM houses h WHERE id < 3 ORDER BY id) TO STDOUT;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, round(price) AS price FROM houses WHERE id < 6 AND price > 20 ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA regress_rewrite CASCADE;
