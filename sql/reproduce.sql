-- A model is what its snapshot, seed, threads and settings make it: trained again, every algorithm gives the same bytes.
CREATE SCHEMA regress_reproduce;
SET search_path = regress_reproduce, public;
SET client_min_messages = warning;
CREATE TABLE rows AS SELECT (a * 37 % 101)::real AS a, CASE WHEN a % 17 = 0 THEN NULL ELSE (a * 53 % 89)::real END AS b, 'c' || a % 4 AS category,
	(sin(a * 37 % 101 / 10.0) * 5 + (a * 53 % 89) / 20.0 + a % 4)::float8 AS y, CASE WHEN a * 37 % 101 + a * 53 % 89 > 120 THEN 'high' WHEN a % 3 = 0 THEN 'low' ELSE 'middle' END AS label
	FROM generate_series(1, 150) AS a;
CREATE VIEW numbers AS SELECT a, b, category, y FROM rows;
CREATE VIEW classes AS SELECT a, b, category, label FROM rows;
CREATE FUNCTION train_all(task text, relation text, target text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOREACH name IN ARRAY CASE task WHEN 'regression' THEN
		ARRAY['linear', 'ridge', 'lasso', 'elastic_net', 'huber', 'quantile', 'stochastic_gradient_descent', 'linear_svm', 'svm', 'nu_svm', 'knn', 'mlp',
			'random_forest', 'extra_trees', 'bagging', 'gradient_boosting_trees', 'hist_gradient_boosting', 'xgboost', 'xgboost_random_forest']
		ELSE ARRAY['linear', 'ridge', 'stochastic_gradient_descent', 'linear_svm', 'svm', 'nu_svm', 'knn', 'mlp',
			'random_forest', 'extra_trees', 'bagging', 'gradient_boosting_trees', 'hist_gradient_boosting', 'xgboost', 'xgboost_random_forest'] END
	LOOP
		PERFORM pgml.train('reproduce ' || task, task, relation, target, name::pgml.algorithm, automatic_deploy => false, test_size => 0.2,
			hyperparams => '{"random_state": 7}' || CASE WHEN name ~ 'forest|trees|bagging' THEN '{"n_estimators": 4}' WHEN name = 'xgboost' THEN '{"n_estimators": 4, "subsample": 0.7}'
				WHEN name = 'hist_gradient_boosting' THEN '{"max_iter": 4}' WHEN name = 'nu_svm' AND task = 'classification' THEN '{"nu": 0.2, "gamma": 5}' ELSE '{}' END::jsonb,
			preprocess => '{"*": {"scale": "standard"}}', materialize_snapshot => relation IS NOT NULL AND name = 'linear');
	END LOOP;
END $$;
-- The first training keeps the rows; the relation changes at once; all others take the snapshot.
SELECT pgml.train('reproduce regression', 'regression', 'numbers', 'y', 'linear', test_size => 0.2, preprocess => '{"*": {"scale": "standard"}}', materialize_snapshot => true) IS NOT NULL;
SELECT pgml.train('reproduce classification', 'classification', 'classes', 'label', 'linear', test_size => 0.2, preprocess => '{"*": {"scale": "standard"}}', materialize_snapshot => true) IS NOT NULL;
UPDATE rows SET a = a + 1000, y = -y, label = 'other' WHERE a < 50;
SELECT train_all('regression', NULL, NULL), train_all('classification', NULL, NULL);
DELETE FROM rows WHERE b < 20;
SELECT train_all('regression', NULL, NULL), train_all('classification', NULL, NULL);
CREATE VIEW mine AS SELECT p.name AS project, m.*, md5(string_agg(f.data, '' ORDER BY f.part)) AS bytes
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id JOIN pgml.files f ON f.model_id = m.id
	WHERE p.name LIKE 'reproduce %' GROUP BY p.name, m.id;
SELECT project, count(*) AS models, count(DISTINCT snapshot_id) AS snapshots, count(DISTINCT provenance ->> 'fingerprint') AS data FROM mine GROUP BY project ORDER BY project;
SELECT project, algorithm, count(*) AS trained, count(DISTINCT bytes) AS different, count(DISTINCT metrics - '{fit_time,score_time}'::text[]) AS different_metrics
FROM mine WHERE hyperparams ? 'random_state' GROUP BY project, algorithm ORDER BY project, algorithm::text COLLATE "C";
-- Who, and with what.
SELECT provenance ->> 'trained_by' = current_user AS trained_by, provenance ->> 'seed' AS seed, provenance ->> 'threads' AS threads,
	provenance ->> 'version' = pgml.version() AS version, provenance ->> 'xgboost' = pgml.xgboost_version() AS xgboost,
	provenance ->> 'server' = current_setting('server_version') AS server, provenance ->> 'rows_trained' AS trained, provenance ->> 'rows_tested' AS tested, count(*)
FROM mine WHERE hyperparams ? 'random_state' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
SELECT count(pgml.drop_project(name)) FROM pgml.projects WHERE name LIKE 'reproduce %';
DROP SCHEMA regress_reproduce CASCADE;
