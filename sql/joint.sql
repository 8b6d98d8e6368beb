-- Regression of several targets: pgml.train_joint and pgml.predict_joint.
SET client_min_messages = warning;
SELECT pgml.load_dataset('linnerud') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_joint;
SET search_path = regress_joint, public;
CREATE FUNCTION report(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE m text; d text; h text; c text;
BEGIN
	EXECUTE query INTO m;
	RETURN 'no error: ' || coalesce(m, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, c = RETURNED_SQLSTATE;
	RETURN regexp_replace(format('%s: %s', c, m) || CASE WHEN d <> '' THEN E'\n  ' || d ELSE '' END
		|| CASE WHEN h <> '' THEN E'\n  ' || h ELSE '' END, '(model) \d+', '\1 N', 'gi');
END$$;
CREATE FUNCTION newest(project text) RETURNS bigint LANGUAGE sql AS $$ SELECT max(m.id) FROM pgml.models AS m JOIN pgml.projects AS p ON p.id = m.project_id WHERE p.name = project $$;

-- What users of PostgresML wrote.
SELECT * FROM pgml.train_joint('joint exercise', 'regression', 'pgml.linnerud', ARRAY['weight', 'waist', 'pulse']);
SELECT array_length(pgml.predict_joint('joint exercise', ARRAY[chins, situps, jumps]), 1), count(*) FROM pgml.linnerud GROUP BY 1;
SELECT relation_name, y_column_name FROM pgml.overview WHERE name = 'joint exercise';

-- Each answer is that of a model of one target.
CREATE TABLE rows AS SELECT i * 37 % 101 AS a, (i * 11 % 13)::real AS b, 'c' || i % 3 AS kind, 3.0 * (i * 37 % 101) + i % 3 AS u,
	100.0 - 2 * (i * 11 % 13) + i % 3 * 10 AS v, i % 2 = 0 AS w FROM generate_series(1, 300) AS i;
CREATE VIEW two AS SELECT a, b, kind, u, v FROM rows;
CREATE VIEW no_features AS SELECT a, u FROM rows;
CREATE VIEW only_u AS SELECT a, b, kind, u FROM rows;
CREATE VIEW only_v AS SELECT a, b, kind, v FROM rows;
CREATE VIEW only_w AS SELECT a, b, kind, w::int AS w FROM rows;
CREATE FUNCTION joint_equals_single(algorithm pgml.algorithm, hyperparams jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE n int; equal boolean;
BEGIN
	PERFORM pgml.train_joint('joint of three', 'regression', 'rows', ARRAY['u', 'v', 'w'], algorithm, hyperparams, test_sampling => 'random');
	PERFORM pgml.train('joint only ' || t, 'regression', 'only_' || t, t, algorithm, hyperparams, test_sampling => 'random') FROM unnest(ARRAY['u', 'v', 'w']) AS t;
	SELECT bool_and(pgml.predict_joint(newest('joint of three'), a, b, kind) = ARRAY[pgml.predict(newest('joint only u'), a, b, kind),
		pgml.predict(newest('joint only v'), a, b, kind), pgml.predict(newest('joint only w'), a, b, kind)]::real[]) INTO equal FROM rows;
	RETURN equal;
END $$;
SELECT algorithm, joint_equals_single(algorithm::pgml.algorithm, hyperparams) FROM (VALUES
	('linear', '{}'::jsonb), ('ridge', '{"alpha": 2}'), ('lasso', '{"alpha": 0.1}'), ('knn', '{}'), ('mlp', '{"max_iter": 5}'), ('svm', '{}'),
	('xgboost', '{"n_estimators": 5}'), ('random_forest', '{"n_estimators": 5}'), ('hist_gradient_boosting', '{"max_iter": 5}')) AS v (algorithm, hyperparams);

-- Metrics are those of all values together.
SELECT deployed FROM pgml.train_joint('joint metrics', 'regression', 'two', ARRAY['u', 'v'], algorithm => 'xgboost', hyperparams => '{"n_estimators": 20}');
WITH p AS (SELECT y::float8, p FROM rows AS r, LATERAL unnest(ARRAY[u, v], pgml.predict_joint('joint metrics', r)) AS f (y, p))
SELECT metric, abs(value / expected::float8 - 1) < 1e-6 AS equal FROM pgml.evaluate('joint metrics', 'two') JOIN (
	SELECT key, value AS expected FROM json_each_text((SELECT json_build_object('r2', 1 - sum((p - y) ^ 2) / (var_pop(y) * count(*)),
		'mean_absolute_error', avg(abs(p - y)), 'mean_squared_error', avg((p - y) ^ 2)) FROM p))) AS e ON key = metric;
SELECT pgml.describe('joint metrics') - 'features' - 'model_id';
SELECT count(*) FILTER (WHERE column_ ->> 'label' = 'true') AS labels, count(*) FROM pgml.snapshots, jsonb_array_elements(columns) AS column_
WHERE id = (SELECT snapshot_id FROM pgml.models WHERE id = newest('joint metrics'));
-- Trained again from its snapshot, copied, with one target.
SELECT deployed FROM pgml.train_joint('joint metrics', algorithm => 'linear', automatic_deploy => false);
SELECT deployed FROM pgml.train('joint metrics', algorithm => 'ridge', automatic_deploy => false);
SELECT array_length(pgml.predict_joint(newest('joint metrics'), 1, 2, 'c1'), 1);
SELECT pgml.import_model('joint copy', pgml.export_model(newest('joint metrics'))) > 0 AS imported;
SELECT bool_and(pgml.predict_joint('joint copy', r) = pgml.predict_joint(newest('joint metrics'), r)) FROM rows AS r;
SELECT deployed FROM pgml.train_joint('joint of one', 'regression', 'only_u', ARRAY['u']);
SELECT pgml.predict('joint of one', 1, 2, 'c1') IS NOT NULL AS one_target_is_a_number;
SELECT deployed FROM pgml.train_joint('joint classes', 'classification', 'rows', ARRAY['kind']);
SELECT pgml.classify('joint classes', 1, 2, 3, 4, true) IS NOT NULL AS one_target_may_be_a_class;

-- A prediction column, an index, a deployment.
CREATE TABLE plots (id int, a int, b real, kind text, both_targets real[] GENERATED ALWAYS AS (pgml.predict_joint('joint metrics', a, b, kind)) STORED) USING pgml;
INSERT INTO plots SELECT row_number() OVER (), a, b, kind FROM rows;
SELECT count(*) FROM plots WHERE both_targets = pgml.predict_joint('joint metrics', a, b, kind);
CREATE INDEX ON plots ((both_targets[2]));
SELECT strategy FROM pgml.deploy('joint metrics', 'most_recent');
SELECT count(*) FROM plots WHERE both_targets = pgml.predict_joint(newest('joint metrics'), a, b, kind);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET force_parallel_mode = on;
SELECT count(*) FROM plots WHERE both_targets = pgml.predict_joint('joint metrics', a, b, kind);
RESET force_parallel_mode;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

\pset format unaligned
\pset tuples_only on
SELECT report(q) FROM (VALUES
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows', ARRAY['u', NULL])$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows', '{}')$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows')$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows', ARRAY['u', 'u'])$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows', ARRAY['u', 'nowhere'])$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'rows', ARRAY['u', 'kind'])$$),
	($$SELECT pgml.train_joint('joint x', 'regression', 'no_features', ARRAY['a', 'u'])$$),
	($$SELECT pgml.train_joint('joint x', 'classification', 'rows', ARRAY['kind', 'w'])$$),
	($$SELECT pgml.predict('joint metrics', 1, 2, 'c1')$$),
	($$SELECT pgml.predict_joint('joint of one', 1, 2, 'c1')$$),
	($$SELECT pgml.predict_joint('joint classes', 1, 2, 3, 4, true)$$),
	($$SELECT pgml.decompose('joint metrics', 1, 2, 'c1')$$),
	($$SELECT pgml.predict_joint('joint metrics', 1, 2)$$),
	($$SELECT pgml.evaluate('joint metrics', 'two', 'u')$$),
	($$SELECT pgml.evaluate('joint copy', 'two')$$),
	($$SELECT * FROM pgml.predict_batch('joint of three', ARRAY[1, 2, 3])$$)) AS v (q);
DROP TABLE plots;
DROP SCHEMA regress_joint CASCADE;
