-- What a training makes of data that is strange, large or wrong: a model, or an error that says what is wrong.
CREATE SCHEMA regress_train_bad_input;
SET search_path = regress_train_bad_input, public;
SET client_min_messages = warning;
CREATE FUNCTION outcome(relation text, target text, algorithm text, hyperparams text DEFAULT '{}', preprocess text DEFAULT '{}', task text DEFAULT 'regression')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	PERFORM pgml.train('bad input ' || task, task, relation, target, algorithm::pgml.algorithm, hyperparams::jsonb, preprocess => preprocess::jsonb);
	RETURN 'trained';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on

-- More features than rows, a constant feature, a feature of nulls only, NaN beside NULL: every algorithm trains.
CREATE TABLE wide AS SELECT (SELECT array_agg(sin(i * j)::real) FROM generate_series(1, 60) j) AS x,
	7 AS constant, NULL::real AS nothing, NULL::text AS no_text,
	CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN 'NaN'::real ELSE i END AS holes, (i % 4)::real AS y
	FROM generate_series(1, 24) i;
SELECT algorithm, outcome('wide', 'y', algorithm) FROM unnest(ARRAY['linear', 'ridge', 'lasso', 'elastic_net', 'stochastic_gradient_descent',
	'huber', 'quantile', 'svm', 'nu_svm', 'linear_svm', 'knn', 'mlp', 'random_forest', 'extra_trees', 'bagging',
	'gradient_boosting_trees', 'hist_gradient_boosting', 'xgboost', 'xgboost_random_forest']) algorithm;
SELECT bool_and(abs(p) < 1e6) FROM wide, LATERAL pgml.predict('bad input regression', x, constant, nothing, no_text, holes) p;

-- Names: those that differ in case only, that need quotes; a relation is a name, never a query.
CREATE VIEW twice AS SELECT 1 AS a, 2 AS a;
CREATE TABLE names ("A" real, a real, "a b" real, "select" real, "q""uote" real, y real);
INSERT INTO names SELECT i, -i, i % 3, i % 5, i % 7, i FROM generate_series(1, 40) i;
SELECT outcome('names', 'y', 'xgboost');
SELECT outcome('names', 'Y', 'xgboost');
SELECT outcome('(SELECT * FROM names) n', 'y', 'xgboost');
-- The target as a feature too, under another name: learnt as any other.
CREATE VIEW knows AS SELECT *, y AS also_y FROM names;
SELECT outcome('knows', 'y', 'linear');

-- Targets of nulls only; relations without rows, without features.
CREATE VIEW null_target AS SELECT a, NULL::real AS y FROM names;
SELECT outcome('null_target', 'y', 'xgboost');
CREATE VIEW null_label AS SELECT a, NULL::text AS y FROM names;
SELECT outcome('null_label', 'y', 'xgboost', task => 'classification');
CREATE VIEW no_rows AS SELECT * FROM names WHERE false;
SELECT outcome('no_rows', 'y', 'xgboost');
CREATE TABLE no_columns ();
SELECT outcome('no_columns', 'y', 'xgboost');

-- Arrays: nulls inside, a null beside others, no element, several dimensions, other lengths, too many.
CREATE TABLE arrays (x real[], y real);
INSERT INTO arrays SELECT ARRAY[i, NULL, i % 5], i FROM generate_series(1, 40) i;
UPDATE arrays SET x = NULL WHERE y = 7;
UPDATE arrays SET x = ARRAY[ARRAY[1], ARRAY[2], ARRAY[NULL::real]] WHERE y = 8;
SELECT outcome('arrays', 'y', 'xgboost');
SELECT outcome('arrays', 'y', 'linear');
UPDATE arrays SET x = '{}' WHERE y = 9;
SELECT outcome('arrays', 'y', 'xgboost');
CREATE TABLE long_arrays AS SELECT array_agg(i % 3 + j)::real[] AS x, j::real AS y
	FROM generate_series(1, 20000) i, generate_series(1, 20) j GROUP BY j;
SELECT outcome('long_arrays', 'y', 'xgboost', '{"n_estimators": 1, "max_depth": 1}');
CREATE VIEW longer_arrays AS SELECT x || x || x || x AS x, y FROM long_arrays;
SELECT outcome('longer_arrays', 'y', 'xgboost');
CREATE TABLE longest_arrays AS SELECT array_agg(i)::real[] AS x, 1 AS y FROM generate_series(1, 1000001) i;
SELECT outcome('longest_arrays', 'y', 'xgboost');

-- A million categories: a table of means; as columns of their own they are too many, or too much memory.
CREATE TABLE categories AS SELECT 'category ' || i AS c, i % 10 AS y FROM generate_series(1, 1000000) i;
SELECT outcome('categories', 'y', 'xgboost', '{"n_estimators": 2, "max_depth": 2}');
SELECT outcome('categories', 'y', 'xgboost', preprocess => '{"c": {"encode": "one_hot"}}');
SELECT outcome('categories', 'c', 'xgboost', task => 'classification');

-- The limit of memory, while rows are read and after.
SET pgml.training_memory = '20MB';
SELECT outcome('categories', 'y', 'xgboost');
SET pgml.training_memory = '1MB';
SELECT outcome('longest_arrays', 'y', 'xgboost');
CREATE TABLE some_categories AS SELECT 'category ' || i % 2000 AS c, i % 10 AS y FROM generate_series(1, 10000) i;
SELECT outcome('some_categories', 'y', 'xgboost', preprocess => '{"c": {"encode": "one_hot"}}');
SELECT outcome('some_categories', 'y', 'xgboost');
SET pgml.training_memory = '1kB';
RESET pgml.training_memory;

SELECT pgml.drop_project('bad input regression');
\pset tuples_only off
\pset format aligned
DROP SCHEMA regress_train_bad_input CASCADE;
