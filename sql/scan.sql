-- PgmlScan reads features straight from table pages. Everything is compared with the server's own scan below PgmlPredict
-- (pgml.fused_scan = off) and with single calls (pgml.batch = off).
CREATE SCHEMA scan;
SET search_path = scan;
SET client_min_messages = warning;
\pset tuples_only on
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN line ~ '(Models|Evaluator):';
		RETURN NEXT line;
	END LOOP;
END $$;
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query;
END $$;
-- Number of rows when all three ways give the same ones, in the same order.
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sums text[];
	n bigint;
	setting text;
	sum text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['fused', 'unfused', 'row'] LOOP
		PERFORM set_config('pgml.fused_scan', CASE setting WHEN 'fused' THEN 'on' ELSE 'off' END, true);
		PERFORM set_config('pgml.batch', CASE setting WHEN 'row' THEN 'off' ELSE 'on' END, true);
		EXECUTE 'SELECT md5(string_agg(q::text, E''\n'')), count(*) FROM (' || query || ') q' INTO sum, n;
		sums := sums || sum;
	END LOOP;
	RETURN CASE WHEN n = 0 OR sums[1] = sums[2] AND sums[1] = sums[3] THEN n || ' rows' ELSE 'different: ' || sums::text END;
END $$;

\echo -- every kind of number, with NULLs, in an order that needs padding
CREATE TABLE numbers AS
	SELECT i AS id, i % 3 = 0 AS a, (i % 7)::int2 AS b, (i * 3 % 11)::int8 AS c, (i % 13)::real AS d, i * 0.25::float8 AS e, i % 17 AS f
	FROM generate_series(1, 500) i;
CREATE VIEW numbers_target AS SELECT a, b, c, d, e, f, (a::int * 5 + b * 3 - c + d * e / 50 + f)::real AS y FROM numbers;
SELECT deployed FROM pgml.train('scan numbers', 'regression', 'numbers_target', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}');
CREATE TABLE mixed (
	id int, a bool, b int2, c int8, d real, note text, e float8, f int,
	y float8 GENERATED ALWAYS AS (pgml.predict('scan numbers', a, b, c, d, e, f)) STORED
) USING pgml;
CREATE TABLE fixed (
	a bool, id int, b int2, c int8, d real, e float8, f int,
	y float8 GENERATED ALWAYS AS (pgml.predict('scan numbers', a, b, c, d, e, f)) STORED,
	note text
) USING pgml;
INSERT INTO fixed (a, id, b, c, d, e, f, note) SELECT CASE WHEN i % 5 > 0 THEN a END, i, CASE WHEN i % 7 > 0 THEN b END, CASE WHEN i % 3 > 0 THEN c END,
	CASE WHEN i % 11 > 0 THEN d END, CASE WHEN i % 4 > 0 THEN e END, CASE WHEN i % 6 > 0 THEN f END, CASE WHEN i % 2 > 0 THEN 'note ' || i END
	FROM (SELECT row_number() OVER () AS i, n.* FROM numbers n, generate_series(1, 7)) n;
INSERT INTO mixed SELECT id, a, b, c, d, note, e, f FROM fixed;
ANALYZE fixed, mixed;
SELECT plan('SELECT sum(y) FROM fixed');
SELECT same('SELECT y FROM fixed');
SELECT same('SELECT id, y, f, d, b FROM fixed');
SELECT same('SELECT note, y FROM fixed');
SELECT same('SELECT ctid, tableoid, xmin, y, id FROM fixed');
SELECT same('SELECT fixed FROM fixed WHERE y > 10');
SELECT same('SELECT y, pgml.predict(''scan numbers'', a, b, c, d, 1, f), pgml.predict(''scan numbers'', a, b, c, e, d, f) FROM fixed');
SELECT same('SELECT id FROM fixed WHERE note LIKE ''%7%'' AND y > 5 AND f + y > 10');
SELECT same('SELECT y, note FROM mixed');
SELECT same('SELECT y FROM mixed WHERE d > 5');
SET pgml.batch_size = 17;
SELECT same('SELECT id, y, note FROM fixed');
RESET pgml.batch_size;

\echo -- many columns of one type
SELECT 'CREATE TABLE wide (' || string_agg('f' || i || ' real', ', ') || ', y float8 GENERATED ALWAYS AS (pgml.predict(''scan wide'', '
	|| string_agg('f' || i, ', ') || ')) STORED) USING pgml' AS table,
	'CREATE TABLE wide_training AS SELECT ' || string_agg('sin(n * ' || i || ')::real AS f' || i, ', ') || ', cos(n) AS y FROM generate_series(1, 300) n' AS training,
	'INSERT INTO wide SELECT ' || string_agg('CASE WHEN (n * 31 + ' || i || ') % 23 > 0 OR n % 4 = 0 THEN sin(n * ' || i || ') END', ', ') || ' FROM generate_series(1, 3000) n' AS rows
FROM generate_series(1, 27) i \gset
:training;
SELECT deployed FROM pgml.train('scan wide', 'regression', 'wide_training', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}');
:table;
:rows;
ANALYZE wide;
SELECT same('SELECT y FROM wide');
SELECT same('SELECT f3, y, f27 FROM wide');

\echo -- rows that are only counted: no column is handed on
SELECT same('SELECT count(*) FROM fixed WHERE y > 10'), same('SELECT count(*) FROM fixed WHERE y > 10 AND id % 3 = 0 HAVING count(*) > 1');
SELECT same('SELECT count(*), 7 FROM fixed HAVING max(y) > 10'), same('SELECT f, count(*) FROM fixed WHERE y > 10 GROUP BY f'), same('SELECT count(id) FROM fixed WHERE y > 10');
SELECT same('SELECT count(*) FILTER (WHERE f > 3) FROM fixed WHERE y > 10'), same('SELECT exists(SELECT 1 FROM fixed WHERE y > 10), (SELECT count(*) FROM fixed x WHERE x.y > 5)');
SELECT line FROM explained('SELECT count(*) FROM fixed WHERE y > 10') line WHERE line ~ 'Output';

\echo -- two questions to one model: features are read once
CREATE VIEW numbers_kinds AS SELECT a, b, c, d, e, f, CASE WHEN b + c > 8 THEN 'high' ELSE 'low' END AS kind FROM numbers;
SELECT deployed FROM pgml.train('scan kinds', 'classification', 'numbers_kinds', 'kind', 'xgboost', hyperparams => '{"n_estimators": 30}');
SELECT same('SELECT pgml.classify(''scan kinds'', a, b, c, d, e, f), pgml.class_probability(''scan kinds'', ''high'', a, b, c, d, e, f), y FROM fixed');

\echo -- NULLs anywhere behind a wider column, integers side by side, a dropped column, more than 64 columns, with every evaluator
CREATE FUNCTION same_with_each(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE evaluator text;
BEGIN
	FOREACH evaluator IN ARRAY ARRAY['walker', 'portable', 'avx2', 'avx512'] LOOP
		BEGIN
			PERFORM set_config('pgml.evaluator', evaluator, true);
		EXCEPTION WHEN OTHERS THEN
			PERFORM set_config('pgml.evaluator', 'portable', true); -- this processor has it not
		END;
		RETURN NEXT same(query);
	END LOOP;
	PERFORM set_config('pgml.evaluator', 'auto', true);
END $$;
SELECT 'CREATE TABLE gaps (id bigint, ' || string_agg(CASE i WHEN 9 THEN 'gone real, ' ELSE '' END || name || ' ' || type, ', ') || ', y float8 GENERATED ALWAYS AS (pgml.predict(''scan gaps'', '
	|| string_agg(name, ', ') || ')) STORED) USING pgml' AS table,
	'CREATE TABLE gaps_training AS SELECT ' || string_agg('sin(n * ' || i || ')::' || type || ' AS ' || name, ', ') || ', cos(n) AS y FROM generate_series(1, 300) n' AS training,
	'INSERT INTO gaps SELECT n, ' || string_agg(format('CASE WHEN n %% 5 = 0 OR n %% 5 = 1 AND %1$s < 5 OR hashint4(n * 100 + %1$s) %% 20 > 0 THEN sin(n * %1$s) END', i), ', ')
		|| ' FROM generate_series(1, 3000) n' AS rows
FROM (SELECT i, CASE WHEN i <= 4 THEN 'i' ELSE 'f' END || i AS name, CASE WHEN i <= 4 THEN 'int' ELSE 'real' END AS type FROM generate_series(1, 75) i) columns \gset
:training;
SELECT deployed FROM pgml.train('scan gaps', 'regression', 'gaps_training', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}');
:table;
ALTER TABLE gaps DROP COLUMN gone;
:rows;
ANALYZE gaps;
SELECT count(*) FILTER (WHERE n = 0) > 0 AS some_without_nulls, count(*) FILTER (WHERE n > 0) > 0 AS some_with FROM (SELECT num_nulls(i1, i2, i3, i4, f5, f6, f74, f75) AS n FROM gaps) x;
SELECT same_with_each('SELECT id, y FROM gaps');
SELECT same_with_each('SELECT f75, y, i2, f40, f5, id FROM gaps WHERE y > 0');
SELECT same_with_each('SELECT y FROM wide');

\echo -- columns added and dropped after the rows
CREATE TABLE changed (id int, gone real, a bool, b int2, c int8, d real) USING pgml;
INSERT INTO changed SELECT i, i, i % 2 = 0, i % 5, i, i FROM generate_series(1, 300) i;
ALTER TABLE changed DROP COLUMN gone, ADD COLUMN e float8 DEFAULT 2.5, ADD COLUMN f int;
ALTER TABLE changed ADD COLUMN y float8 GENERATED ALWAYS AS (pgml.predict('scan numbers', a, b, c, d, e, f)) STORED;
INSERT INTO changed SELECT i, i % 2 = 0, i % 5, i, i, i, i FROM generate_series(1, 300) i;
SELECT same('SELECT id, y, e FROM changed');
ALTER TABLE changed ADD COLUMN g real DEFAULT 4, ADD COLUMN h text;
INSERT INTO changed (id, a, g) VALUES (1, true, NULL);
SELECT same('SELECT y, g, h FROM changed');
SELECT same('SELECT pgml.predict(''scan numbers'', a, b, c, g, e, f), g FROM changed');

\echo -- dead rows, rows of this transaction, rows of a cursor behind the batch
BEGIN;
DELETE FROM fixed WHERE y > 15;
UPDATE fixed SET f = f + 1 WHERE y < 2;
SELECT same('SELECT id, f, y FROM fixed');
DECLARE walk CURSOR FOR SELECT id, y FROM fixed;
FETCH 3 FROM walk;
UPDATE fixed SET note = 'here' WHERE CURRENT OF walk RETURNING id;
MOVE 200 FROM walk;
FETCH 1 FROM walk;
DELETE FROM fixed WHERE CURRENT OF walk RETURNING id;
ROLLBACK;

\echo -- executed again and again
SELECT same('SELECT n, s FROM generate_series(1, 5) n, LATERAL (SELECT sum(y::numeric) AS s FROM fixed WHERE f > n) x');
SELECT same('SELECT n, s FROM generate_series(1, 5) n, LATERAL (SELECT y AS s FROM fixed WHERE f > n LIMIT 2) x');
SELECT same('SELECT id, y FROM fixed LIMIT 100');
SELECT same('SELECT id FROM fixed WHERE y > (SELECT avg(y) FROM fixed)');

\echo -- a plain scan stays where rows are sampled
SELECT plan('SELECT sum(y) FROM fixed TABLESAMPLE system (50) REPEATABLE (1)');
SELECT same('SELECT y FROM fixed TABLESAMPLE bernoulli (20) REPEATABLE (1)');

\echo -- direct calls on heap tables
CREATE TEMP TABLE kept_on_heap AS SELECT * FROM numbers;
ANALYZE kept_on_heap, numbers;
SELECT plan('SELECT id, pgml.predict(''scan numbers'', a, b, c, d, e, f) FROM numbers');
SELECT same('SELECT id, pgml.predict(''scan numbers'', a, b, c, d, e, f) FROM numbers');
SELECT same('SELECT id, pgml.predict(''scan numbers'', a, b, c, d, e, f) FROM kept_on_heap');

\echo -- an empty table resolves no model
CREATE TABLE nothing (LIKE numbers);
SELECT pgml.predict('scan numbers', a, b, c, d, e, f) FROM nothing;

\echo -- workers: counters of all processes
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan('SELECT sum(y) FROM fixed WHERE note IS NOT NULL');
SELECT same('SELECT sum(y::numeric), count(*) FROM fixed WHERE note IS NOT NULL');
CREATE FUNCTION predicted(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ 'Rows (Predicted|Removed)' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
END $$;
SELECT predicted('SELECT sum(y) FROM fixed');
SELECT count(*) FROM fixed;
SELECT same('SELECT n, s FROM generate_series(1, 3) n, LATERAL (SELECT sum(y::numeric) AS s FROM fixed WHERE f > n) x');
RESET ALL;
SET search_path = scan;
SELECT predicted('SELECT id FROM fixed WHERE note IS NULL AND y > 10');
SET client_min_messages = warning;
DROP SCHEMA scan CASCADE;
