-- Neighbours, support vectors, networks and the linear algorithms beside least squares, through SQL: each learns a toy set, and its
-- metrics are those of a model that learned something. Unit tests have the exact values.
SET client_min_messages = warning;
SELECT pgml.load_dataset('diabetes'), pgml.load_dataset('iris'), pgml.load_dataset('breast_cancer') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_algorithms;
SET search_path = regress_algorithms, public;

CREATE FUNCTION learn(project text, task text, relation text, target text, algorithm pgml.algorithm, hyperparams jsonb = '{}',
	preprocess jsonb = '{"*": {"scale": "standard"}}') RETURNS numeric LANGUAGE sql AS $$
	SELECT pgml.train(project, task, relation, target, algorithm, hyperparams, preprocess => preprocess, automatic_deploy => true);
	SELECT round((m.metrics ->> CASE task WHEN 'regression' THEN 'r2' ELSE 'accuracy' END)::numeric, 1)
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = project ORDER BY m.id DESC LIMIT 1
$$;

-- Regression. epsilon and C are those of targets of this size.
SELECT algorithm, learn('algorithms diabetes', 'regression', 'pgml.diabetes', 'target', algorithm::pgml.algorithm, hyperparams) AS r2
FROM (VALUES
	('knn', '{"n_neighbors": 20}'::jsonb),
	('knn', '{"n_neighbors": 20, "weights": "distance", "metric": "manhattan"}'),
	('svm', '{"kernel": "linear"}'),
	('svm', '{"C": 100}'),
	('nu_svm', '{"C": 100}'),
	('linear_svm', '{"C": 10}'),
	('mlp', '{"learning_rate_init": 0.01}'),
	('huber', '{}'),
	('quantile', '{"alpha": 0}'),
	('stochastic_gradient_descent', '{}')) AS v (algorithm, hyperparams);

-- Classification of two classes and of three.
SELECT algorithm, learn('algorithms cancer', 'classification', 'pgml.breast_cancer', 'malignant', algorithm::pgml.algorithm, hyperparams) AS cancer,
	learn('algorithms iris', 'classification', 'pgml.iris', 'target', algorithm::pgml.algorithm, hyperparams) AS iris
FROM (VALUES
	('knn', '{}'::jsonb),
	('svm', '{}'),
	('nu_svm', '{"nu": 0.2}'),
	('linear_svm', '{}'),
	('mlp', '{}'),
	('stochastic_gradient_descent', '{"loss": "log_loss"}')) AS v (algorithm, hyperparams);

-- Predictions one by one and in batches agree; probabilities where there are some.
SELECT algorithm, learn('algorithms ' || algorithm, 'classification', 'pgml.iris', 'target', algorithm::pgml.algorithm) > 0.8 AS learned
FROM unnest(ARRAY['knn', 'svm', 'mlp']) AS algorithm;
CREATE TABLE flowers (sepal_length real, sepal_width real, petal_length real, petal_width real,
	knn float8 GENERATED ALWAYS AS (pgml.predict('algorithms knn', sepal_length, sepal_width, petal_length, petal_width)) STORED,
	svm float8 GENERATED ALWAYS AS (pgml.predict('algorithms svm', sepal_length, sepal_width, petal_length, petal_width)) STORED,
	mlp float8 GENERATED ALWAYS AS (pgml.predict('algorithms mlp', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO flowers SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
CREATE TEMP TABLE batched AS SELECT * FROM flowers;
SET pgml.batch = off;
SELECT count(*) AS rows, count(DISTINCT (knn, svm, mlp)) > 2 AS classes FROM flowers;
SELECT count(*) AS differ FROM (SELECT * FROM flowers EXCEPT ALL SELECT * FROM batched) AS d;
RESET pgml.batch;
SELECT pgml.predict_proba('algorithms knn', 5.1, 3.5, 1.4, 0.2), round((pgml.predict_proba('algorithms mlp', 5.1, 3.5, 1.4, 0.2))[1]::numeric, 1) AS mlp;
SELECT pgml.predict_proba('algorithms svm', 5.1, 3.5, 1.4, 0.2);

-- Equal seeds give equal bytes.
SELECT learn('algorithms seed', 'classification', 'pgml.iris', 'target', 'mlp', '{"seed": 3, "max_iter": 20}') > 0 AS learned FROM generate_series(1, 2);
SELECT count(*) AS models, count(DISTINCT md5(f.data)) AS distinct_models FROM pgml.files f JOIN pgml.models m ON m.id = f.model_id
JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'algorithms seed';

-- What is refused, and what is said about the algorithms that are not there.
SELECT learn('algorithms none', 'classification', 'pgml.iris', 'target', 'svm', '{"C": -1}');
SELECT learn('algorithms none', 'classification', 'pgml.iris', 'target', 'svm', '{"kernels": "rbf"}');
SELECT learn('algorithms none', 'classification', 'pgml.iris', 'target', 'nu_svm', '{"nu": 2}');
SELECT learn('algorithms none', 'regression', 'pgml.diabetes', 'target', 'knn', '{"n_neighbors": 100000}');
SELECT learn('algorithms none', 'regression', 'pgml.diabetes', 'target', 'mlp', '{"hidden_layer_sizes": [10, 0]}');
SELECT learn('algorithms none', 'regression', 'pgml.diabetes', 'target', 'stochastic_gradient_descent', preprocess => '{}');
SELECT learn('algorithms none', 'regression', 'pgml.diabetes', 'target', 'bayesian_ridge');
SELECT learn('algorithms none', 'classification', 'pgml.iris', 'target', 'gaussian_process');
SELECT learn('algorithms none', 'classification', 'pgml.iris', 'target', 'catboost');
SELECT count(*) FROM pgml.projects WHERE name = 'algorithms none';
DROP SCHEMA regress_algorithms CASCADE;
