-- Where PgmlPredict nodes go, and where a plain call has to stay. Rows are compared with pgml.batch = off throughout.
CREATE SCHEMA plan_predict;
SET search_path = plan_predict;
SET client_min_messages = warning;
CREATE TABLE sales AS
	SELECT (i * 7 % 100)::real AS sqft, i % 5 AS beds, CASE WHEN i % 3 = 0 THEN 'Oslo' ELSE 'Bergen' END AS city,
		((i * 7 % 100) * 10 + (i % 5) * 3)::real AS price
	FROM generate_series(1, 400) i;
SELECT * FROM pgml.train('plan_predict price', 'regression', 'sales', 'price');
CREATE TABLE houses (
	id int PRIMARY KEY, sqft real, beds int, city text,
	price double precision GENERATED ALWAYS AS (pgml.predict('plan_predict price', sqft, beds, city)) STORED
) USING pgml;
INSERT INTO houses SELECT i, i % 100, i % 5, CASE WHEN i % 3 = 0 THEN 'Oslo' ELSE 'Bergen' END FROM generate_series(1, 2000) i;
CREATE TABLE agents AS SELECT i AS aid, i * 3 AS hid FROM generate_series(1, 1000) i;
ANALYZE houses, agents;

-- The plan without what moves: model ids.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN line ~ '(Models|Evaluator):';
		RETURN NEXT line;
	END LOOP;
END $$;
-- True when both ways give the same rows.
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE batched text; by_row text;
BEGIN
	SET LOCAL pgml.batch = on;
	EXECUTE 'SELECT md5(string_agg(q::text, E''\n'' ORDER BY q::text)) FROM (' || query || ') q' INTO batched;
	SET LOCAL pgml.batch = off;
	EXECUTE 'SELECT md5(string_agg(q::text, E''\n'' ORDER BY q::text)) FROM (' || query || ') q' INTO by_row;
	RETURN batched = by_row;
END $$;
\pset tuples_only on

\echo -- scan: the filter moves up, what stands before it stays
SELECT plan($$SELECT id, price FROM houses WHERE beds > 2 AND price > 500$$);
\echo -- aggregate over a filter: one node, predicted once
SELECT plan($$SELECT sum(price) FROM houses WHERE price > 500$$);
\echo -- an aggregate filter decides whether its argument is evaluated
SELECT plan($$SELECT sum(price) FILTER (WHERE id < 10) FROM houses$$);
\echo -- grouping sets null their columns: the call stays above
SELECT plan($$SELECT sqft, pgml.predict('plan_predict price', sqft, 1, 'Oslo') FROM houses GROUP BY ROLLUP (sqft)$$);
SELECT same($$SELECT sqft, pgml.predict('plan_predict price', sqft, 1, 'Oslo') FROM houses GROUP BY ROLLUP (sqft)$$);
\echo -- branches that may not be taken
SELECT plan($$SELECT CASE WHEN beds > 2 THEN price END, coalesce(sqft, price) FROM houses$$);
SELECT plan($$SELECT CASE WHEN price > 2 THEN beds END, coalesce(price, sqft) FROM houses$$);
\echo -- LIMIT: exactly its rows are predicted, the sort stays a top-N one
SELECT plan($$SELECT id, price FROM houses ORDER BY sqft, id LIMIT 10 OFFSET 3$$);
SELECT same($$SELECT id, price FROM houses ORDER BY sqft, id LIMIT 10 OFFSET 3$$);
\echo -- WITH TIES looks at its rows: not moved
SELECT plan($$SELECT id, price FROM houses ORDER BY price DESC FETCH FIRST 3 ROWS WITH TIES$$);
\echo -- joins: below where that is fewer rows, never below the nullable side
SET enable_mergejoin = off;
SELECT plan($$SELECT a.aid, h.price FROM agents a JOIN houses h ON h.id = a.hid$$);
SELECT plan($$SELECT a.aid, pgml.predict('plan_predict price', h.sqft, h.beds, h.city) FROM agents a LEFT JOIN houses h ON h.id = a.hid$$);
SELECT same($$SELECT a.aid, pgml.predict('plan_predict price', h.sqft, h.beds, h.city) FROM agents a LEFT JOIN houses h ON h.id = a.hid$$);
SELECT same($$SELECT a.aid, h.price FROM agents a FULL JOIN houses h ON h.id = a.hid AND h.price > a.aid$$);
SELECT plan($$SELECT count(*) FROM agents a JOIN houses h ON h.price = a.aid$$);
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT plan($$SELECT count(*) FROM agents a JOIN houses h ON h.price = a.aid$$);
SELECT same($$SELECT * FROM agents a JOIN houses h ON h.price = a.aid$$);
SET enable_mergejoin = off;
SET enable_material = off;
SELECT plan($$SELECT count(*) FROM agents a JOIN houses h ON h.price > a.aid AND a.aid < 5$$);
SELECT same($$SELECT * FROM agents a JOIN houses h ON h.price > a.aid AND a.aid < 5$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
\echo -- a merge join marks and restores its inner index scan, which therefore stays as it is
CREATE INDEX ON houses (price);
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_sort = off;
SELECT same($$SELECT h1.id, h2.id AS id2, h2.price FROM houses h1 JOIN houses h2 ON h1.price = h2.price$$);
RESET enable_sort;
RESET enable_hashjoin;
RESET enable_nestloop;
\echo -- volatile arguments are not merged, arguments that can fail are not evaluated for rows a filter drops
SELECT plan($$SELECT pgml.predict('plan_predict price', random()::real, beds, city) FROM houses$$);
SELECT plan($$SELECT pgml.predict('plan_predict price', 1 / (sqft - 7), beds, city) FROM houses WHERE price <> 10$$);
SELECT same($$SELECT pgml.predict('plan_predict price', 1 / (sqft - 7), beds, city) FROM houses WHERE beds > 3 AND sqft <> 7 AND price > 0$$);
\echo -- several filters: each prediction only for the rows that passed the ones before
SELECT same($$SELECT id, pgml.predict('plan_predict price', beds, sqft, city) AS other FROM houses
	WHERE price > 300 AND pgml.predict('plan_predict price', beds, 1, city) > 20$$);
\echo -- under a Gather the workers predict, also for an aggregate that cannot be split
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT plan($$SELECT array_agg(price) FROM houses WHERE beds > 1$$);
SELECT plan($$SELECT sum(price) FROM houses WHERE beds > 1$$);
SELECT same($$SELECT beds, count(*), sum(price::numeric) FROM houses WHERE beds > 1 GROUP BY beds$$);
RESET ALL;
SET search_path = plan_predict;
\pset tuples_only on
\echo -- batches of any size, cursors, rescans
SET pgml.batch_size = 7;
SELECT same($$SELECT id, price FROM houses WHERE price > 100$$);
RESET pgml.batch_size;
SELECT same($$SELECT a.aid, l.p FROM agents a, LATERAL (SELECT max(h.price + a.aid) AS p FROM houses h WHERE h.id BETWEEN a.hid AND a.hid + 40) l WHERE a.aid < 50$$);
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, round(price) FROM houses WHERE id < 30 AND price > 100 ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
DECLARE d CURSOR FOR SELECT id, round(price) FROM houses WHERE id < 30 ORDER BY id;
FETCH 2 FROM d;
COMMIT;
\echo -- what EXPLAIN ANALYZE counts
CREATE FUNCTION counters(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		CONTINUE WHEN line !~ '(Predicted|Batches|Removed|Evaluator)';
		RETURN NEXT trim(line);
	END LOOP;
END $$;
SELECT counters($$SELECT price FROM houses WHERE beds = 1$$);
SELECT counters($$SELECT id, pgml.predict('plan_predict price', beds, sqft, city) FROM houses WHERE price > 900$$);
SELECT counters($$SELECT id, price FROM houses ORDER BY sqft LIMIT 5$$);

SELECT count(*) > 0 FROM pgml.trained_models WHERE name = 'plan_predict price';
DROP SCHEMA plan_predict CASCADE;
