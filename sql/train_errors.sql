-- pgml.train: every refusal, with its SQLSTATE; nothing is left behind and the session goes on.
CREATE SCHEMA regress_train_errors;
SET search_path = regress_train_errors, public;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
CREATE FUNCTION train_error(VARIADIC arguments text[]) RETURNS text LANGUAGE sql AS $$
	SELECT error_of('SELECT pgml.train(' || array_to_string(arguments, ', ') || ')')
$$;
\pset format unaligned
\pset tuples_only on
CREATE TABLE good (a real, b int, y real);
INSERT INTO good SELECT i % 17, i % 5, i % 17 + 2 * (i % 5) FROM generate_series(1, 100) AS i;
SELECT pgml.train('errors existing', 'regression', 'good', 'y');
CREATE TEMP TABLE before AS SELECT
	(SELECT count(*) FROM pgml.projects) AS projects, (SELECT count(*) FROM pgml.snapshots) AS snapshots,
	(SELECT count(*) FROM pgml.models) AS models, (SELECT count(*) FROM pgml.files) AS files;

-- Project and task.
SELECT train_error('NULL');
SELECT train_error('''''');
SELECT train_error('''errors none''');
SELECT train_error('''errors none''', 'NULL', '''good''', '''y''');
SELECT train_error('''errors none''', '''regresion''', '''good''', '''y''');
SELECT train_error('''errors none''', '''embedding''', '''good''', '''y''');
SELECT train_error('''errors existing''', '''classification''', '''good''', '''y''');
SELECT train_error('''errors none''', '''regression''');

-- Relation.
SELECT train_error('''errors none''', '''regression''', '''no_such_table''', '''y''');
SELECT train_error('''errors none''', '''regression''', '''no_schema.good''', '''y''');
SELECT train_error('''errors none''', '''regression''', '''a.b.c.d''', '''y''');
SELECT train_error('''errors none''', '''regression''', '''good; DROP TABLE good''', '''y''');
SELECT train_error('''errors none''', '''regression''', '''''', '''y''');
CREATE SEQUENCE a_sequence;
SELECT train_error('''errors none''', '''regression''', '''a_sequence''', '''last_value''');
CREATE INDEX good_index ON good (a);
SELECT train_error('''errors none''', '''regression''', '''good_index''', '''a''');
CREATE VIEW failing AS SELECT 1 / (a - a) AS x, y FROM good;
SELECT train_error('''errors none''', '''regression''', '''failing''', '''y''');

-- Target.
SELECT train_error('''errors none''', '''regression''', '''good''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''Y''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''ctid''');
CREATE TABLE targets (a real, t text, d date, j jsonb, r real[], y real);
INSERT INTO targets SELECT i, 't' || i % 2, 'epoch', '1', ARRAY[i], i FROM generate_series(1, 20) AS i;
CREATE VIEW target_text AS SELECT a, t FROM targets;
CREATE VIEW target_date AS SELECT a, d FROM targets;
CREATE VIEW target_array AS SELECT a, r FROM targets;
SELECT train_error('''errors none''', '''regression''', '''target_text''', '''t''');
SELECT train_error('''errors none''', '''regression''', '''target_date''', '''d''');
SELECT train_error('''errors none''', '''regression''', '''target_array''', '''r''');
CREATE TABLE null_target (a real, "the y" real);
INSERT INTO null_target SELECT i, CASE WHEN i <> 17 THEN i END FROM generate_series(1, 50) AS i;
SELECT train_error('''errors none''', '''regression''', '''null_target''', '''the y''');
UPDATE null_target SET "the y" = 'NaN' WHERE a = 17;
SELECT train_error('''errors none''', '''regression''', '''null_target''', '''the y''');
UPDATE null_target SET "the y" = '-Infinity' WHERE a = 17;
SELECT train_error('''errors none''', '''regression''', '''null_target''', '''the y''');
UPDATE null_target SET "the y" = 5;
SELECT train_error('''errors none''', '''regression''', '''null_target''', '''the y''');
SELECT train_error('''errors none''', '''classification''', '''null_target''', '''the y''');
SELECT train_error('''errors none''', '''classification''', '''null_target''', '''the y''', '''xgboost''');

-- Features.
SELECT train_error('''errors none''', '''regression''', '''targets''', '''y''');
CREATE VIEW only_target AS SELECT y FROM targets;
SELECT train_error('''errors none''', '''regression''', '''only_target''', '''y''');
CREATE TABLE no_rows (a real, r real[], y real);
SELECT train_error('''errors none''', '''regression''', '''no_rows''', '''y''');
CREATE VIEW no_rows_plain AS SELECT a, y FROM no_rows;
SELECT train_error('''errors none''', '''regression''', '''no_rows_plain''', '''y''');
CREATE TABLE arrays (r real[], y real);
INSERT INTO arrays SELECT NULL, i FROM generate_series(1, 20) AS i;
SELECT train_error('''errors none''', '''regression''', '''arrays''', '''y''');
UPDATE arrays SET r = '{}';
SELECT train_error('''errors none''', '''regression''', '''arrays''', '''y''');
UPDATE arrays SET r = ARRAY[y, 1];
UPDATE arrays SET r = ARRAY[y] WHERE y = 11;
SELECT train_error('''errors none''', '''regression''', '''arrays''', '''y''');
CREATE TABLE text_arrays (r text[], y real);
SELECT train_error('''errors none''', '''regression''', '''text_arrays''', '''y''');
CREATE TABLE all_null (a real, b text, y real);
INSERT INTO all_null (y) SELECT i FROM generate_series(1, 20) AS i;
SELECT train_error('''errors none''', '''regression''', '''all_null''', '''y''');
SELECT train_error('''errors none''', '''regression''', '''all_null''', '''y''', '''xgboost''');
CREATE TABLE infinite (a real, y real);
INSERT INTO infinite SELECT CASE WHEN i = 5 THEN 'Infinity' ELSE i::real END, i FROM generate_series(1, 20) AS i;
SELECT train_error('''errors none''', '''regression''', '''infinite''', '''y''');
UPDATE infinite SET a = NULL WHERE a = 'Infinity';
CREATE VIEW too_large AS SELECT a * 1e300 AS a, y FROM infinite;
SELECT train_error('''errors none''', '''regression''', '''too_large''', '''y''', '''xgboost''');
CREATE VIEW infinite_array AS SELECT ARRAY[1, y / 0.5, '-Infinity'] AS a, y FROM infinite;
SELECT train_error('''errors none''', '''regression''', '''infinite_array''', '''y''', '''xgboost''');
CREATE TABLE one_row (a real, y real);
INSERT INTO one_row VALUES (1, 1);
SELECT train_error('''errors none''', '''regression''', '''one_row''', '''y''');
SELECT train_error('''errors none''', '''classification''', '''one_row''', '''y''');

-- Options.
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', '''theil_sen''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', '''lightgbm''');
SELECT train_error('''errors none''', '''classification''', '''good''', '''b''', '''lasso''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', '''no_such_algorithm''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'hyperparams => ''[1]''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'hyperparams => ''{"depth": 3}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', '''xgboost''', 'hyperparams => ''{"max_depth": -3}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', '''xgboost''', 'hyperparams => ''{"max_depth": "deep"}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'hyperparams => ''{"seed": -1}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'hyperparams => ''{"random_state": "x"}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'search_params => ''{"alpha": [1, 2]}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'search_args => ''{"cv": 5}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_size => -1');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_size => 100');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_size => 1');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_size => ''NaN''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_size => ''Infinity''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'test_sampling => ''first''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'runtime => ''openai''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'preprocess => ''[]''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'preprocess => ''{"no such": {}}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'preprocess => ''{"a": {"scale": "no such"}}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'preprocess => ''{"a": {"no such": 1}}''');
SELECT train_error('''errors none''', '''regression''', '''good''', '''y''', 'preprocess => ''{"a": 1}''');

-- Training in a read-only transaction, and a cancelled one.
BEGIN READ ONLY;
SELECT pgml.train('errors none', 'regression', 'good', 'y');
ROLLBACK;
CREATE TABLE large AS SELECT i % 1000 AS a, i % 77 AS b, i % 13 AS c, i AS y FROM generate_series(1, 200000) AS i;
SET statement_timeout = '300ms';
SELECT train_error('''errors none''', '''regression''', '''large''', '''y''', '''xgboost''', 'hyperparams => ''{"n_estimators": 10000}''');
SELECT pgml.train('errors none', 'regression', 'large', 'y', 'xgboost', '{"n_estimators": 10000}');
RESET statement_timeout;

-- Nothing is left behind.
SELECT b.projects = (SELECT count(*) FROM pgml.projects) AND b.snapshots = (SELECT count(*) FROM pgml.snapshots)
	AND b.models = (SELECT count(*) FROM pgml.models) AND b.files = (SELECT count(*) FROM pgml.files) AS nothing_left FROM before b;
SELECT count(*) FROM pgml.projects WHERE name = 'errors none';

-- 1,600 columns are no error.
DO $$ BEGIN
	EXECUTE 'CREATE TABLE widest (' || (SELECT string_agg('c' || i || ' bool', ', ') FROM generate_series(1, 1599) AS i) || ', y real)';
	EXECUTE 'INSERT INTO widest (c1, c1599, y) SELECT i % 2 = 0, i % 3 = 0, i % 2 + i % 3 FROM generate_series(1, 60) AS i';
END $$;
SELECT deployed FROM pgml.train('errors widest', 'regression', 'widest', 'y', 'xgboost', '{"n_estimators": 2}');
\pset tuples_only off
\pset format aligned
SET client_min_messages = warning;
DROP SCHEMA regress_train_errors CASCADE;
