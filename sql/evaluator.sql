-- pgml.evaluator: every engine that this processor has gives the same predictions bit for bit; EXPLAIN names it.
SET client_min_messages = warning;
CREATE SCHEMA regress_evaluator;
SET search_path = regress_evaluator, public;
CREATE TABLE points AS
	SELECT i AS id, sin(i)::real AS a, (i * 37 % 101)::real AS b, CASE WHEN i % 13 <> 0 THEN (i % 7)::real END AS c,
		(sin(i) * 10 + (i * 37 % 101) / 9.0 + i % 7)::real AS y
	FROM generate_series(1, 600) i;
SELECT pgml.train('evaluator shallow', 'regression', 'points', 'y', algorithm => 'xgboost', hyperparams => '{"n_estimators": 30}') \g (format=unaligned tuples_only) /dev/null
SELECT pgml.train('evaluator deep', 'regression', 'points', 'y', algorithm => 'random_forest', hyperparams => '{"n_estimators": 5}') \g (format=unaligned tuples_only) /dev/null
SELECT pgml.train('evaluator line', 'regression', 'points', 'y', algorithm => 'linear') \g (format=unaligned tuples_only) /dev/null

CREATE TABLE expected AS SELECT 0 AS id, 0::float8 AS shallow, 0::float8 AS deep LIMIT 0;
SET pgml.evaluator = 'walker';
INSERT INTO expected SELECT id, pgml.predict('evaluator shallow', id, a, b, c), pgml.predict('evaluator deep', id, a, b, c) FROM points;
CREATE FUNCTION differences(evaluator text, batch text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
	PERFORM set_config('pgml.batch', batch, true), set_config('pgml.evaluator', evaluator, true);
	SELECT count(*) INTO result FROM (
		SELECT id, pgml.predict('evaluator shallow', id, a, b, c), pgml.predict('evaluator deep', id, a, b, c) FROM points
		EXCEPT SELECT * FROM expected) d;
	RETURN result;
EXCEPTION WHEN feature_not_supported THEN
	RETURN 0; -- not on this processor
END $$;
SELECT evaluator, batch, differences(evaluator, batch)
FROM unnest('{auto,portable,avx2,avx512}'::text[]) evaluator, unnest('{on,off}'::text[]) batch ORDER BY 1, 2;
SELECT count(*), count(DISTINCT shallow) > 100 AS varied FROM expected;

CREATE FUNCTION evaluators(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ 'Evaluator' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END $$;
SET pgml.evaluator = 'portable';
SELECT evaluators($$SELECT pgml.predict('evaluator shallow', id, a, b, c) FROM points$$);
SELECT evaluators($$SELECT pgml.predict('evaluator line', id, a, b, c), pgml.predict('evaluator deep', id, a, b, c) FROM points$$);
SET pgml.evaluator = 'walker';
SELECT evaluators($$SELECT pgml.predict('evaluator shallow', id, a, b, c) FROM points$$);
SET pgml.evaluator = 'abacus';
SHOW pgml.evaluator;
RESET pgml.evaluator;
DROP SCHEMA regress_evaluator CASCADE;
