-- The tree algorithms through SQL: trained on the toy sets, scores rounded so that they hold anywhere.
SET client_min_messages = warning;
SELECT pgml.load_dataset('diabetes'), pgml.load_dataset('iris'), pgml.load_dataset('breast_cancer') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_trees;
SET search_path = regress_trees, public;

-- Every algorithm, both tasks: the score of the held-out rows.
CREATE FUNCTION score(algorithm text, for_task text, relation text, target text, hyperparams jsonb DEFAULT '{}')
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE project text := 'trees ' || relation; result numeric;
BEGIN
	PERFORM pgml.train(project, for_task, relation, target, algorithm::pgml.algorithm, hyperparams);
	SELECT round((m.metrics ->> CASE for_task WHEN 'regression' THEN 'r2' ELSE 'accuracy' END)::numeric, 1) INTO result
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = project ORDER BY m.id DESC LIMIT 1;
	RETURN result;
END $$;
CREATE TABLE algorithms (name text);
INSERT INTO algorithms VALUES ('random_forest'), ('extra_trees'), ('bagging'), ('gradient_boosting_trees'), ('hist_gradient_boosting'), ('xgboost_random_forest');
SELECT name, score(name, 'regression', 'pgml.diabetes', 'target') AS diabetes,
	score(name, 'classification', 'pgml.iris', 'target') AS iris,
	score(name, 'classification', 'pgml.breast_cancer', 'malignant') AS breast_cancer
FROM algorithms ORDER BY name;

-- Equal seeds give equal models, other seeds others.
CREATE FUNCTION bytes(algorithm text, seed int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM pgml.train('trees bytes', 'classification', 'pgml.iris', 'target', algorithm::pgml.algorithm,
		jsonb_build_object('random_state', seed));
	SELECT md5(f.data) INTO result FROM pgml.files f ORDER BY f.id DESC LIMIT 1;
	RETURN result;
END $$;
SELECT name, bytes(name, 1) = bytes(name, 1) AS same, bytes(name, 1) <> bytes(name, 2) AS different FROM algorithms ORDER BY name;

-- A forest serves a prediction column like any other model.
SELECT * FROM pgml.train('trees served', 'classification', 'pgml.iris', 'target', 'random_forest', '{"n_estimators": 20, "max_depth": 4}');
CREATE TABLE flowers (sepal_length real, sepal_width real, petal_length real, petal_width real,
	kind int GENERATED ALWAYS AS (pgml.predict('trees served', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO flowers SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
SELECT kind, count(*) BETWEEN 48 AND 52 AS about_fifty FROM flowers GROUP BY kind ORDER BY kind;
SELECT kind FROM flowers WHERE petal_length < 1.5 GROUP BY kind;
SELECT round(sum(p)::numeric, 3) AS total FROM unnest(pgml.predict_proba('trees served', 5.9, 3.0, 4.2, 1.5)) AS p;

-- What is wrong is said before anything is read.
\set VERBOSITY terse
SELECT pgml.train('trees wrong', 'regression', 'pgml.diabetes', 'target', 'random_forest', '{"max_features": "all"}');
SELECT pgml.train('trees wrong', 'regression', 'pgml.diabetes', 'target', 'extra_trees', '{"min_samples_leaf": 0}');
\set VERBOSITY default
SELECT pgml.train('trees wrong', 'classification', 'pgml.iris', 'target', 'bagging', '{"n_estimator": 5}');

DROP SCHEMA regress_trees CASCADE;
