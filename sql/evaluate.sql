-- pgml.evaluate, confusion_matrix, roc_curve, feature_importance, describe.
CREATE SCHEMA regress_evaluate;
CREATE ROLE regress_evaluate_user;
GRANT USAGE ON SCHEMA regress_evaluate TO regress_evaluate_user;
SET search_path = regress_evaluate, public;
SET client_min_messages = warning;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLSTATE || ': ' || SQLERRM || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END, 'model \d+', 'model N', 'g');
END $$;
CREATE TABLE rows AS
SELECT i, (i * 7919 % 101)::real AS a, (i * 104729 % 13)::int AS b, 'c' || i % 3 AS category, i % 5 = 0 AS flag, ARRAY[i % 4, i % 6]::real[] AS pair
FROM generate_series(1, 400) AS i;
CREATE TABLE numbers AS SELECT a, b, category, flag, pair, 3.0 * a + b + (i % 7) AS y FROM rows;
CREATE TABLE labels AS SELECT a, b, category, flag, pair, CASE WHEN a + (i * 31 % 17) > 60 THEN 'high' ELSE 'low' END AS y FROM rows;
CREATE TABLE three AS SELECT a, b, CASE WHEN a < 30 THEN 1 WHEN a < 70 THEN 2 ELSE 3 END AS y FROM rows;
CREATE TABLE truth AS SELECT a, b, a + i % 9 > 50 AS y FROM rows;
SELECT deployed FROM pgml.train('eval numbers', 'regression', 'numbers', 'y', 'xgboost', '{"n_estimators": 5}');
SELECT deployed FROM pgml.train('eval labels', 'classification', 'labels', 'y', 'linear');
SELECT deployed FROM pgml.train('eval three', 'classification', 'three', 'y', 'xgboost', '{"n_estimators": 3}');
SELECT deployed FROM pgml.train('eval ridge', 'classification', 'truth', 'y', 'ridge');
CREATE FUNCTION model_of(project text) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM pgml.deployed_models WHERE name = $1 $$;

-- Metrics, against the same computed in SQL.
SELECT e.metric AS not_in_training FROM pgml.evaluate('eval numbers', 'numbers') AS e
WHERE NOT EXISTS (SELECT FROM pgml.models, jsonb_each(metrics) WHERE id = model_of('eval numbers') AND key = e.metric);
WITH p AS (SELECT y::float8, pgml.predict('eval numbers', n) AS p FROM numbers n),
	s AS (SELECT avg(abs(p - y)) AS mean_absolute_error, avg((p - y) ^ 2) AS mean_squared_error, sqrt(avg((p - y) ^ 2)) AS root_mean_squared_error,
		1 - sum((p - y) ^ 2) / (var_pop(y) * count(*)) AS r2, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p - y)) AS median_absolute_error,
		1 - var_pop(p - y) / var_pop(y) AS explained_variance FROM p)
SELECT metric, abs(value / expected::float8 - 1) < 1e-9 AS equal FROM pgml.evaluate('eval numbers', 'numbers')
	JOIN (SELECT key, value AS expected FROM s, json_each_text(row_to_json(s))) AS e ON key = metric;
WITH p AS (SELECT y = 'low' AS y, pgml.class_probability('eval labels', 'low', l) AS p, pgml.classify('eval labels', l) = 'low' AS c FROM labels l),
	s AS (SELECT avg((y = c)::int) AS accuracy, (avg(c::int) FILTER (WHERE y) + avg(1 - c::int) FILTER (WHERE NOT y)) / 2 AS balanced_accuracy,
		sum((c AND y)::int)::float8 / sum(c::int) AS precision, avg(c::int) FILTER (WHERE y) AS recall, avg((p - y::int) ^ 2) AS brier_score,
		-avg(ln(CASE WHEN y THEN p ELSE 1 - p END)) AS log_loss FROM p)
SELECT metric, expected IS NULL OR abs(value / expected::float8 - 1) < 1e-5 AS equal FROM pgml.evaluate('eval labels', 'labels')
	LEFT JOIN (SELECT key, value AS expected FROM s, json_each_text(row_to_json(s))) AS e ON key = metric;
SELECT metric, value IS NULL AS undefined FROM pgml.evaluate(model_of('eval ridge'), 'truth');
SELECT string_agg(metric, ' ') FROM pgml.evaluate('eval three', 'three');

-- Columns are found by name: order, other columns and a view do not matter.
CREATE VIEW other_order AS SELECT 'x'::xml AS unusable, pair, y AS true_y, flag::int AS flag, category, b, NULL AS z, a FROM numbers;
SELECT count(*) AS metrics, count(*) FILTER (WHERE e.value = f.value) AS equal FROM pgml.evaluate('eval numbers', 'regress_evaluate.other_order', 'true_y') AS e
	JOIN pgml.evaluate('eval numbers', 'numbers', y_column_name => 'y') AS f USING (metric);
-- A missing value and a category that training did not see are no errors.
CREATE TABLE odd AS SELECT a, b, category, flag, pair, y FROM numbers LIMIT 20;
UPDATE odd SET a = NULL, category = 'unseen', pair = NULL;
SELECT metric, value IS NOT NULL AS known FROM pgml.evaluate('eval numbers', 'odd') LIMIT 2;
-- One row: what it leaves undefined is NULL.
CREATE TABLE one AS SELECT * FROM labels LIMIT 1;
SELECT metric FROM pgml.evaluate('eval labels', 'one') WHERE value IS NULL ORDER BY 1;

-- Confusion matrix.
SELECT c.*, (SELECT count(*) FROM labels l WHERE y = c.actual AND pgml.classify('eval labels', l) = c.predicted) AS counted FROM pgml.confusion_matrix('eval labels', 'labels') AS c;
SELECT actual, sum(count) FROM pgml.confusion_matrix(model_of('eval three'), 'three') GROUP BY 1 ORDER BY 1;
CREATE TABLE unknown_labels AS SELECT a, b, CASE WHEN a < 50 THEN 2 ELSE 7.5 END AS y FROM three;
SELECT actual, sum(count) FROM pgml.confusion_matrix('eval three', 'unknown_labels') GROUP BY 1 ORDER BY 1;

-- ROC curve: ends, order, area, and one point against plain SQL.
CREATE TEMP TABLE curve AS SELECT row_number() OVER () AS n, * FROM pgml.roc_curve('eval labels', 'labels');
SELECT threshold, false_positive_rate, true_positive_rate FROM curve ORDER BY n LIMIT 1;
SELECT false_positive_rate, true_positive_rate FROM curve ORDER BY n DESC LIMIT 1;
SELECT count(*) > 5 AS points, bool_and(falls) AS thresholds_fall, bool_and(rises) AS rates_rise, abs(sum(area) - (SELECT value FROM pgml.evaluate('eval labels', 'labels') WHERE metric = 'roc_auc')) < 1e-9 AS area
FROM (SELECT threshold < lag(threshold) OVER w AS falls, false_positive_rate >= lag(false_positive_rate) OVER w AND true_positive_rate >= lag(true_positive_rate) OVER w AS rises,
	(false_positive_rate - lag(false_positive_rate) OVER w) * (true_positive_rate + lag(true_positive_rate) OVER w) / 2 AS area FROM curve WINDOW w AS (ORDER BY n)) AS steps;
SELECT bool_and(c.true_positive_rate = s.positive AND c.false_positive_rate = s.negative) AS by_sql FROM curve c, LATERAL (
	SELECT avg((p >= threshold)::int) FILTER (WHERE y = 'low')::float8 AS positive, avg((p >= threshold)::int) FILTER (WHERE y = 'high')::float8 AS negative
	FROM (SELECT y, pgml.class_probability('eval labels', 'low', l) AS p FROM labels l) AS scored) AS s WHERE n = 4;
SELECT count(*) > 2 AS of_ridge FROM pgml.roc_curve('eval ridge', 'truth');
SELECT count(*) > 2 AS of_one_of_three FROM pgml.roc_curve('eval three', 'three', '2');
SELECT count(*) > 2 AS named FROM pgml.roc_curve(model_of('eval labels'), 'labels', label => 'high', y_column_name => 'y');

-- Importances.
SELECT feature, round(importance::numeric, 2) AS importance FROM pgml.feature_importance('eval numbers', 'weight');
SELECT feature, importance > 0.5 AS most FROM pgml.feature_importance(model_of('eval labels'));
SELECT abs(sum(importance) - 1) < 1e-9 AS shares FROM pgml.feature_importance('eval labels');

-- Description.
SELECT pgml.train('eval described', 'classification', 'labels', 'y', 'linear', preprocess => '{"a": {"impute": "max", "scale": "min_max"}, "b": {"impute": "zero"}, "category": {"encode": {"ordinal": ["c0", "c1", "c2"]}}}') IS NOT NULL;
SELECT jsonb_pretty((pgml.describe('eval described') - 'model_id') #- '{features,3}' #- '{features,4}' #- '{features,2,preprocessing,impute}');
SELECT pgml.describe('eval described') = pgml.describe(model_of('eval described')) AS same, (pgml.describe('eval described') ->> 'model_id')::bigint = model_of('eval described') AS id;
SELECT pgml.describe('eval numbers') #> '{features,4}' AS of_an_array, pgml.describe('eval numbers') ? 'classes' AS has_classes;

-- Rights: use of the project, SELECT on the relation.
SET ROLE regress_evaluate_user;
SELECT regress_evaluate.error_of($$SELECT * FROM pgml.evaluate('eval labels', 'regress_evaluate.labels')$$);
SELECT regress_evaluate.error_of($$SELECT pgml.describe('eval labels')$$);
RESET ROLE;
SELECT format('SELECT error_of(%L)', 'SELECT * FROM pgml.feature_importance(' || model_of('eval labels') || ')') AS by_id \gset
SELECT pgml.grant_use('eval labels', 'regress_evaluate_user');
SET ROLE regress_evaluate_user;
SELECT error_of($$SELECT * FROM pgml.evaluate('eval labels', 'regress_evaluate.labels')$$);
:by_id;
RESET ROLE;
GRANT SELECT ON labels TO regress_evaluate_user;
ALTER TABLE labels ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON labels FOR SELECT TO regress_evaluate_user USING (a < 40);
SET ROLE regress_evaluate_user;
SELECT sum(count) AS visible FROM pgml.confusion_matrix('eval labels', 'labels');
BEGIN READ ONLY;
SELECT count(*) FROM pgml.evaluate('eval labels', 'labels');
COMMIT;
RESET ROLE;
SELECT sum(count) AS visible FROM pgml.confusion_matrix('eval labels', 'labels');

-- Errors.
CREATE TABLE empty (LIKE labels);
CREATE TABLE narrow AS SELECT a, b, category, flag, y FROM numbers;
CREATE TABLE wrong_type AS SELECT a::text, b, category, flag, pair, y FROM numbers;
CREATE TABLE wrong_text AS SELECT a, b, 1 AS category, flag, pair, y FROM numbers;
CREATE TABLE wrong_array AS SELECT a, b, category, flag, 1.5 AS pair, y FROM numbers;
CREATE TABLE wrong_length AS SELECT a, b, category, flag, pair || 1::real AS pair, y FROM numbers;
CREATE TABLE no_truth AS SELECT a, b, category, flag, pair, NULL::float8 AS y FROM numbers;
CREATE TABLE one_label AS SELECT * FROM labels WHERE y = 'high';
CREATE SEQUENCE no_table;
SELECT error_of($$SELECT * FROM pgml.evaluate('no such', 'labels')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate(0, 'labels')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate(NULL::text, 'labels')$$), error_of($$SELECT * FROM pgml.evaluate(NULL::bigint, 'labels')$$), error_of($$SELECT * FROM pgml.evaluate('eval labels', NULL)$$);
SELECT error_of($$SELECT * FROM pgml.evaluate('eval labels', 'no_such_table')$$), error_of($$SELECT * FROM pgml.evaluate('eval labels', 'no_table')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate('eval labels', 'labels', 'nothing')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate('eval labels', 'empty')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate('eval numbers', 'narrow')$$);
SELECT error_of(format('SELECT * FROM pgml.evaluate(''eval numbers'', %L)', name)) FROM unnest(ARRAY['wrong_type', 'wrong_text', 'wrong_array', 'wrong_length', 'no_truth']) AS name;
SELECT error_of($$SELECT * FROM pgml.evaluate('eval numbers', 'labels')$$);
SELECT error_of($$SELECT * FROM pgml.evaluate('eval labels', 'numbers')$$);
SELECT error_of($$SELECT * FROM pgml.confusion_matrix('eval numbers', 'numbers')$$), error_of($$SELECT * FROM pgml.roc_curve('eval numbers', 'numbers')$$);
SELECT error_of($$SELECT * FROM pgml.roc_curve('eval three', 'three')$$);
SELECT error_of($$SELECT * FROM pgml.roc_curve('eval labels', 'labels', 'middle')$$);
SELECT error_of($$SELECT * FROM pgml.roc_curve('eval labels', 'one_label')$$);
-- An imported model does not know its target.
SELECT pgml.import_model('eval imported', pgml.export_model(model_of('eval labels'))) > 0 AS imported;
SELECT error_of($$SELECT * FROM pgml.evaluate('eval imported', 'labels')$$);
SELECT count(*) FROM pgml.evaluate('eval imported', 'labels', 'y');
SELECT abs(sum(importance) - 1) < 1e-9 AS shares FROM pgml.feature_importance('eval imported');
SELECT pgml.train('eval none', 'regression', 'numbers', 'y', automatic_deploy => false) IS NOT NULL;
SELECT error_of($$SELECT * FROM pgml.evaluate('eval none', 'numbers')$$), error_of($$SELECT pgml.describe('eval none')$$);

SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'eval %' ORDER BY 1) AS p;
DROP TABLE curve;
DROP SCHEMA regress_evaluate CASCADE;
DROP ROLE regress_evaluate_user;
