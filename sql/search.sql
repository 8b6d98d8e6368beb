-- pgml.train with a search: what is chosen, what is recorded, what is refused.
CREATE SCHEMA regress_search;
SET search_path = regress_search, public;
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
CREATE FUNCTION train_error(arguments text) RETURNS text LANGUAGE sql AS $$
	SELECT error_of(format($f$SELECT pgml.train('search none', 'regression', 'rows', 'y', %s)$f$, arguments))
$$;
CREATE TABLE rows AS SELECT (a * 37 % 101)::real AS a, (a * 53 % 89)::real AS b, 'c' || a % 3 AS category,
	(sin(a * 37 % 101 / 10.0) * 5 + (a * 53 % 89) / 20.0 + a % 3)::float8 AS y, (a * 37 % 101 + a * 53 % 89) > 90 AS big
	FROM generate_series(1, 240) AS a;
CREATE VIEW mine AS SELECT p.name, m.algorithm, m.hyperparams, m.search, m.search_params, m.search_args, m.metrics, m.metrics -> 'search_results' AS results, f.data
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id JOIN pgml.files f ON f.model_id = m.id
	WHERE p.name LIKE 'search %' ORDER BY m.id;

-- A grid: all combinations in order, five folds, the best mean.
SELECT * FROM pgml.train('search grid', 'regression', 'rows', 'y', algorithm => 'gradient_boosting_trees',
	hyperparams => '{"n_estimators": 20, "random_state": 3}', search => 'grid', search_params => '{"max_depth": [1, 4], "learning_rate": [0.001, 0.3]}');
SELECT hyperparams, search, search_params, search_args FROM mine WHERE name = 'search grid';
SELECT key, jsonb_typeof(value), CASE WHEN jsonb_typeof(value) = 'array' THEN jsonb_array_length(value) END AS length FROM mine, jsonb_each(results) WHERE name = 'search grid' ORDER BY key;
SELECT results -> 'params' AS params, results -> 'n_splits' AS n_splits, results -> 'best_index' AS best, results -> 'param_max_depth' AS depths, results -> 'errors' AS errors FROM mine WHERE name = 'search grid';
-- The mean over the folds decides, and the metrics are those of the held-out part.
SELECT (SELECT ordinality - 1 FROM jsonb_array_elements_text(results -> 'mean_test_score') WITH ORDINALITY ORDER BY value::float8 DESC LIMIT 1) = (results ->> 'best_index')::int AS best_mean,
	abs((SELECT avg((results -> format('split%s_test_score', i) ->> (results ->> 'best_index')::int)::float8) FROM generate_series(0, 4) AS i)
		- (results -> 'mean_test_score' ->> (results ->> 'best_index')::int)::float8) < 1e-12 AS mean_of_folds,
	(metrics ->> 'r2')::float8 > 0.5 AS held_out, metrics ? 'fit_time' AS fit_time FROM mine WHERE name = 'search grid';
-- The winner is trained again on all training rows: the same bytes as without a search, so nothing of a fold is left in it.
SET client_min_messages = warning;
SELECT deployed FROM pgml.train('search plain', 'regression', 'rows', 'y', algorithm => 'gradient_boosting_trees',
	hyperparams => '{"n_estimators": 20, "random_state": 3, "max_depth": 4, "learning_rate": 0.3}');
SELECT (SELECT hyperparams FROM mine WHERE name = 'search plain') = (SELECT hyperparams FROM mine WHERE name = 'search grid') AS same_parameters,
	(SELECT data FROM mine WHERE name = 'search plain') = (SELECT data FROM mine WHERE name = 'search grid') AS same_model,
	(SELECT metrics ->> 'r2' FROM mine WHERE name = 'search plain') = (SELECT metrics ->> 'r2' FROM mine WHERE name = 'search grid') AS same_score;

-- Random: lists and ranges; equal seeds draw and fold equally, and the model's seed does not come from search_args.
CREATE FUNCTION random_search(project text, args text) RETURNS void LANGUAGE sql AS $$
	SELECT pgml.train(project, 'classification', 'rows', 'big', algorithm => 'xgboost', hyperparams => '{"n_estimators": 4}', search => 'random',
		search_params => '{"max_depth": {"min": 1, "max": 6}, "eta": {"min": 0.01, "max": 1, "scale": "log"}, "subsample": [0.5, 1.0]}', search_args => args::jsonb)
$$;
SELECT random_search('search random 1', '{"n_iter": 4, "cv": 3}'), random_search('search random 2', '{"n_iter": 4, "cv": 3}'), random_search('search random 3', '{"n_iter": 4, "cv": 3, "random_state": 9}');
SELECT name, jsonb_array_length(results -> 'params') AS n, results -> 'n_splits' AS n_splits, results -> 'metric' AS metric, hyperparams ? 'subsample' AS chosen FROM mine WHERE name LIKE 'search random%';
SELECT count(DISTINCT data) AS models, count(DISTINCT results -> 'params') AS draws, count(DISTINCT results -> 'mean_test_score') AS scores FROM mine WHERE name IN ('search random 1', 'search random 2');
SELECT (SELECT results -> 'params' FROM mine WHERE name = 'search random 1') = (SELECT results -> 'params' FROM mine WHERE name = 'search random 3') AS same_draws;
SELECT bool_and((p ->> 'max_depth')::numeric BETWEEN 1 AND 6 AND (p ->> 'max_depth')::numeric % 1 = 0 AND (p ->> 'eta')::float8 BETWEEN 0.01 AND 1) AS in_range FROM mine, jsonb_array_elements(results -> 'params') AS p WHERE name LIKE 'search random%';

-- No parameters to search: a cross-validation of what is given.
SELECT deployed FROM pgml.train('search nothing', 'regression', 'rows', 'y', 'ridge', search => 'grid', search_args => '{"cv": 2}');
SELECT hyperparams, results -> 'params' AS params, jsonb_array_length(results -> 'split1_test_score') AS scores FROM mine WHERE name = 'search nothing';

-- A candidate that cannot be trained has no score, and says why; messages for a user who watches.
SET client_min_messages = notice;
SELECT deployed FROM pgml.train('search failing', 'regression', 'rows', 'y', 'knn', search => 'grid', search_params => '{"n_neighbors": [170, 3, 0]}', test_size => 40, search_args => '{"cv": 4}');
RESET client_min_messages;
SELECT results -> 'best_index' AS best, results -> 'mean_test_score' -> 0 AS first, results -> 'errors' AS errors FROM mine WHERE name = 'search failing';
-- A time limit of nothing: the first candidate is scored all the same.
SET client_min_messages = notice;
SELECT deployed FROM pgml.train('search limit', 'regression', 'rows', 'y', 'ridge', search => 'grid', search_params => '{"alpha": [1, 2, 3]}', search_args => '{"time_limit": 0}');
RESET client_min_messages;
SELECT results -> 'params' AS tried, results -> 'n_candidates' AS of, results -> 'time_limit_reached' AS limit FROM mine WHERE name = 'search limit';

-- Refused.
\pset format unaligned
\pset tuples_only on
SELECT train_error($$'ridge', search => 'grid', search_params => '{"alpha": [1], "beta": [2]}'$$);
SELECT train_error($$'ridge', '{"alpha": 1}', search => 'grid', search_params => '{"alpha": [1, 2]}'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => '{"alpha": 1}'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => '{"alpha": {"min": 1, "max": 2}}'$$);
SELECT train_error($$'ridge', search => 'random', search_params => '{"alpha": {"min": 0, "max": 2, "scale": "log"}}'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => '{"alpha": []}'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => '[1]'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => '{"seed": [1, 2]}'$$);
SELECT train_error($$'ridge', search => 'grid', search_args => '{"folds": 3}'$$);
SELECT train_error($$'ridge', search => 'grid', search_args => '{"cv": 1}'$$);
SELECT train_error($$'ridge', search => 'grid', search_args => '{"cv": 181}'$$);
SELECT train_error($$'ridge', search => 'random', search_args => '{"n_iter": 0}'$$);
SELECT train_error($$'ridge', search => 'grid', search_params => jsonb_build_object('alpha', (SELECT jsonb_agg(g) FROM generate_series(1, 10001) g))$$);
SELECT train_error($$'knn', search => 'grid', search_params => '{"n_neighbors": [200, 300]}'$$);
SELECT train_error($$'ridge', search_params => '{"alpha": [1]}'$$);
SELECT train_error($$'ridge', search => 'best'$$);
SELECT train_error($$'ridge', search => 'grid', search_args => '{"cv": 180}'$$);
\pset tuples_only off
\pset format aligned
SELECT count(*) AS left_behind FROM pgml.projects WHERE name = 'search none';

-- Early stopping: the model ends with its best round, which the metrics and the description name.
SET client_min_messages = warning;
SELECT deployed FROM pgml.train('search stop', 'regression', 'rows', 'y', 'hist_gradient_boosting', '{"max_iter": 2000, "early_stopping": true, "learning_rate": 0.5}');
SELECT deployed FROM pgml.train('search stop', 'regression', 'rows', 'y', 'gradient_boosting_trees', '{"n_estimators": 2000, "n_iter_no_change": 5, "learning_rate": 0.5}', automatic_deploy => false);
SELECT algorithm, (metrics ->> 'best_iteration')::int BETWEEN 0 AND 1990 AS stopped, (metrics ->> 'validation_score')::float8 > 0 AS loss, length(data) < 400000 AS short FROM mine WHERE name = 'search stop';
SELECT pgml.describe('search stop') -> 'best_iteration' = (SELECT metrics -> 'best_iteration' FROM mine WHERE name = 'search stop' LIMIT 1) AS described;
SELECT pgml.describe('search plain') ? 'best_iteration' AS without;

SELECT count(pgml.drop_project(name)) FROM (SELECT DISTINCT name FROM mine) AS p;
DROP SCHEMA regress_search CASCADE;
