-- Metrics, deployment and prediction, each case named for what is right where PostgresML was wrong.
SET client_min_messages = warning;
CREATE SCHEMA compat;
SET search_path = compat, public;
CREATE FUNCTION metric(project text, name text) RETURNS double precision LANGUAGE sql AS $$
	SELECT (metrics ->> $2)::float8 FROM pgml.models WHERE id = (SELECT id FROM pgml.deployed_models d WHERE d.name = $1)$$;
-- Two classes that overlap, three of different sizes that are confused in one direction, and numbers.
CREATE TABLE points AS SELECT hashint4(i) % 1000 / 100.0 AS x, hashint4(i + 100000) % 1000 / 100.0 AS z, i AS n FROM generate_series(1, 900) i;
CREATE VIEW two AS SELECT x, z, x + z / 2 > 6 AS positive FROM points;
CREATE VIEW three AS SELECT x, CASE WHEN x < -2 THEN 'low' WHEN x + z / 4 < 7 THEN 'mid' ELSE 'top' END AS kind FROM points;
CREATE VIEW numbers AS SELECT x, z, 3 * x - z + n % 3 AS y FROM points;

-- ROC AUC and log loss come from probabilities: the AUC is the area below the curve of the same rows, not that of hard labels.
SELECT algorithm FROM pgml.train('compat two', 'classification', 'compat.two', 'positive', 'knn', test_size => 0);
SELECT round((sum((false_positive_rate - last_rate) * (true_positive_rate + last_true) / 2) - max(auc))::numeric, 9) AS area_minus_auc FROM (
	SELECT false_positive_rate, true_positive_rate, coalesce(lag(false_positive_rate) OVER w, 0) AS last_rate, coalesce(lag(true_positive_rate) OVER w, 0) AS last_true
	FROM pgml.roc_curve('compat two', 'compat.two') WINDOW w AS (ORDER BY false_positive_rate, true_positive_rate)) AS curve,
	(SELECT value AS auc FROM pgml.evaluate('compat two', 'compat.two') WHERE metric = 'roc_auc') AS metric;
SELECT abs(value - (SELECT avg(-ln(greatest(pgml.class_probability('compat two', positive::text, t), 1e-15))) FROM two t)) < 1e-5 AS log_loss_of_probabilities
FROM pgml.evaluate('compat two', 'compat.two') WHERE metric = 'log_loss';
-- Precision and recall of several classes are not swapped: macro means over the confusion matrix.
SELECT algorithm FROM pgml.train('compat three', 'classification', 'compat.three', 'kind', 'linear', hyperparams => '{"C": 0.001}', test_size => 0);
SELECT round((SELECT value FROM pgml.evaluate('compat three', 'compat.three') WHERE metric = 'precision')::numeric, 9)
		= round(avg(hits / nullif(predicted_so, 0)), 9) AS precision_by_columns,
	round((SELECT value FROM pgml.evaluate('compat three', 'compat.three') WHERE metric = 'recall')::numeric, 9) = round(avg(hits / are_so), 9) AS recall_by_rows,
	avg(hits / nullif(predicted_so, 0)) <> avg(hits / are_so) AS they_differ
FROM (SELECT label, sum(count) FILTER (WHERE actual = label AND predicted = label) AS hits, sum(count) FILTER (WHERE predicted = label) AS predicted_so,
		sum(count) FILTER (WHERE actual = label) AS are_so
	FROM pgml.confusion_matrix('compat three', 'compat.three'), unnest(ARRAY['low', 'mid', 'top']) AS label GROUP BY label) AS per_class;
-- Rows without one of the classes, or of one class alone, can be evaluated; what has no value is NULL.
CREATE VIEW without_low AS SELECT * FROM three WHERE kind <> 'low';
CREATE VIEW only_true AS SELECT * FROM two WHERE positive;
SELECT metric, value BETWEEN 0 AND 1 AS has_value FROM pgml.evaluate('compat three', 'compat.without_low') WHERE metric IN ('accuracy', 'f1', 'recall') ORDER BY metric;
SELECT metric, value IS NULL AS undefined FROM pgml.evaluate('compat two', 'compat.only_true') WHERE metric IN ('accuracy', 'roc_auc') ORDER BY metric;

-- best_score compares numbers: -0.1 is better than -5, which as text comes first.
SELECT algorithm FROM pgml.train('compat score', 'regression', 'compat.numbers', 'y', 'linear', test_size => 0);
SELECT algorithm FROM pgml.train('compat score', 'regression', 'compat.numbers', 'y', 'ridge', test_size => 0);
UPDATE pgml.models SET metrics = jsonb_build_object('r2', CASE algorithm WHEN 'linear' THEN -0.1 ELSE -5 END)
	WHERE project_id = (SELECT id FROM pgml.projects WHERE name = 'compat score');
SELECT strategy, algorithm FROM pgml.deploy('compat score', 'best_score');
-- The recorded strategy is the one asked for.
SELECT strategy, algorithm FROM pgml.deploy('compat score', 'most_recent');
SELECT strategy, algorithm FROM pgml.deploy('compat score', 'rollback');
SELECT strategy FROM pgml.deployments d JOIN pgml.projects p ON p.id = d.project_id WHERE p.name = 'compat score' ORDER BY d.id DESC LIMIT 3;
SELECT pgml.deploy('compat score', 'new_score');
-- A worse model is not deployed, an equal one is; with automatic_deploy off not even the first.
SELECT algorithm, deployed FROM pgml.train('compat first', 'regression', 'compat.numbers', 'y', automatic_deploy => false);
SELECT pgml.predict('compat first', 1, 2);
SELECT algorithm, deployed FROM pgml.train('compat first', 'regression', 'compat.numbers', 'y', 'linear');
SELECT algorithm, deployed FROM pgml.train('compat first', 'regression', 'compat.numbers', 'y', 'linear');
SELECT algorithm, deployed FROM pgml.train('compat first', 'regression', 'compat.numbers', 'y', 'lasso', hyperparams => '{"alpha": 1000}');
-- A model that is rolled back was never there.
BEGIN;
SELECT algorithm FROM pgml.train('compat gone', 'regression', 'compat.numbers', 'y');
ROLLBACK;
SELECT pgml.predict('compat gone', 1, 2);
-- A failed training leaves nothing.
SELECT pgml.train('compat failed', 'regression', 'compat.numbers', 'y', hyperparams => '{"no_such": 1}');
SELECT count(*) FROM pgml.projects WHERE name = 'compat failed';

-- binary:logistic of XGBoost tells both classes, in the metrics too; multi:softmax is the same in a new session.
SELECT algorithm FROM pgml.train('compat logistic', 'classification', 'compat.two', 'positive', 'xgboost', hyperparams => '{"objective": "binary:logistic"}');
SELECT count(DISTINCT pgml.predict('compat logistic', t)) AS classes, metric('compat logistic', 'accuracy') > 0.9 AS accurate FROM two t;
SELECT algorithm FROM pgml.train('compat softmax', 'classification', 'compat.three', 'kind', 'xgboost',
	hyperparams => '{"objective": "multi:softmax", "n_estimators": 20}');
CREATE TABLE before AS SELECT x, pgml.classify('compat softmax', x) AS kind, pgml.predict_proba('compat softmax', x) AS p FROM points;
\c -
SET client_min_messages = warning;
SET search_path = compat, public;
SELECT count(*), count(DISTINCT kind) AS kinds, bool_and(kind = pgml.classify('compat softmax', x) AND p = pgml.predict_proba('compat softmax', x)) AS same FROM before;
-- Probabilities sum to 1 for two classes and for more.
SELECT bool_and(abs((SELECT sum(v) FROM unnest(pgml.predict_proba('compat softmax', x)) v) - 1) < 1e-5) AS three,
	bool_and(abs((SELECT sum(v) FROM unnest(pgml.predict_proba('compat logistic', x, z)) v) - 1) < 1e-5) AS two,
	max(cardinality(pgml.predict_proba('compat logistic', x, z))) AS of_two FROM points;
-- Regression takes a seed and the rounds it is told, 100 without.
SELECT algorithm FROM pgml.train('compat rounds', 'regression', 'compat.numbers', 'y', 'xgboost', hyperparams => '{"boost_rounds": 7, "random_state": 3}');
SELECT hyperparams FROM pgml.models WHERE id = (SELECT id FROM pgml.deployed_models WHERE name = 'compat rounds');

-- A prepared statement answers with the model deployed now.
PREPARE ask AS SELECT round(pgml.predict('compat score', 1, 2)::numeric, 6) = round(pgml.predict(m.id, 1, 2)::numeric, 6) AS now FROM pgml.deployed_models m WHERE name = 'compat score';
EXECUTE ask;
SELECT algorithm FROM pgml.deploy('compat score', 'most_recent');
EXECUTE ask;
-- A name that is not available yet is refused with the nearest one that is.
SELECT pgml.train('compat names', 'classification', 'compat.two', 'positive', 'gaussian_process');

-- Rights belong to a project: another role neither sees nor uses it, until its owner says so, and can replace nothing.
CREATE ROLE regress_compat;
GRANT USAGE ON SCHEMA compat TO regress_compat;
GRANT SELECT ON numbers, points TO regress_compat;
SET ROLE regress_compat;
SELECT pgml.predict('compat score', 1, 2);
SELECT count(*) FROM pgml.trained_models WHERE name = 'compat score';
SELECT pgml.train('compat score', 'regression', 'compat.numbers', 'y');
RESET ROLE;
SELECT pgml.grant_use('compat score', 'regress_compat');
SET ROLE regress_compat;
SELECT pgml.predict('compat score', 1, 2) IS NOT NULL AS may_use;
SELECT count(*) AS bytes FROM pgml.files;
SELECT pgml.drop_project('compat score');
RESET ROLE;
-- A model and a project can be dropped, and a model moves between databases as bytes.
SELECT pgml.export_model(id) AS bytes FROM pgml.deployed_models WHERE name = 'compat score' \gset
SELECT pgml.import_model('compat moved', :'bytes'::bytea) IS NOT NULL AS imported;
SELECT pgml.predict('compat moved', 1, 2) = pgml.predict('compat score', 1, 2) AS same;
SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'compat %' OFFSET 0) p;
SELECT count(*) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE name LIKE 'compat %';
DROP SCHEMA compat CASCADE;
DROP ROLE regress_compat;
