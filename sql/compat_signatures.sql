-- The public objects of PostgresML 2.10, as its documentation and install script have them. A row that one of these queries shows
-- is a difference; the comment above the query says why it is one.

-- Functions by name, arguments with names and defaults, and result. Not in this list: the predict family, which is tested by its
-- calls (compat_calls: one variadic signature stands for all of theirs); those of language models (transform, embed of texts,
-- rank, generate, tune, chunk) and of Python (python_version ...), which this extension does not have.
CREATE TEMP TABLE incumbent (name text, arguments text, result text);
INSERT INTO incumbent VALUES
	('train', 'project_name text, task text DEFAULT NULL::text, relation_name text DEFAULT NULL::text, y_column_name text DEFAULT NULL::text, algorithm pgml.algorithm DEFAULT ''linear''::pgml.algorithm, hyperparams jsonb DEFAULT ''{}''::jsonb, search pgml.search DEFAULT NULL::pgml.search, search_params jsonb DEFAULT ''{}''::jsonb, search_args jsonb DEFAULT ''{}''::jsonb, test_size real DEFAULT 0.25, test_sampling pgml.sampling DEFAULT ''stratified''::pgml.sampling, runtime pgml.runtime DEFAULT NULL::pgml.runtime, automatic_deploy boolean DEFAULT true, materialize_snapshot boolean DEFAULT false, preprocess jsonb DEFAULT ''{}''::jsonb',
		'TABLE(project text, task text, algorithm text, deployed boolean)'),
	('deploy', 'model_id bigint', 'TABLE(project text, strategy text, algorithm text)'),
	('deploy', 'project_name text, strategy pgml.strategy, algorithm pgml.algorithm DEFAULT NULL::pgml.algorithm',
		'TABLE(project text, strategy text, algorithm text)'),
	('predict_batch', 'project text, features real[]', 'SETOF real'),
	('predict_batch', 'model_id bigint, features real[]', 'real[]'),
	('snapshot', 'relation_name text, y_column_name text, test_size real DEFAULT 0.25, test_sampling pgml.sampling DEFAULT ''stratified''::pgml.sampling, preprocess jsonb DEFAULT ''{}''::jsonb',
		'TABLE(relation text, y_column_name text)'),
	('load_dataset', 'source text, subset text DEFAULT NULL::text, "limit" bigint DEFAULT NULL::bigint, kwargs jsonb DEFAULT ''{}''::jsonb',
		'TABLE(table_name text, rows bigint)'),
	('version', '', 'text'), ('xgboost_version', '', 'text'), ('validate_shared_library', '', 'void'),
	('set_updated_at', '', 'trigger');
INSERT INTO incumbent SELECT name, format('vector %s, scalar %s', type || '[]', type), type || '[]'
	FROM unnest(ARRAY['add', 'subtract', 'multiply', 'divide']) AS name, unnest(ARRAY['real', 'double precision']) AS type;
INSERT INTO incumbent SELECT name, format('a %s, b %s', type || '[]', type || '[]'),
		CASE WHEN name IN ('add', 'subtract', 'multiply', 'divide') THEN type || '[]' ELSE type END
	FROM unnest(ARRAY['add', 'subtract', 'multiply', 'divide', 'distance_l1', 'distance_l2', 'dot_product', 'cosine_similarity']) AS name,
		unnest(ARRAY['real', 'double precision']) AS type;
INSERT INTO incumbent SELECT name, 'vector ' || type || '[]', CASE WHEN name ~ '^norm_' THEN type ELSE type || '[]' END
	FROM unnest(ARRAY['norm_l0', 'norm_l1', 'norm_l2', 'norm_max', 'normalize_l1', 'normalize_l2', 'normalize_max', 'sum', 'min', 'max', 'min_abs',
		'max_abs']) AS name, unnest(ARRAY['real', 'double precision']) AS type;
SELECT count(*) AS functions FROM incumbent;
SELECT * FROM incumbent EXCEPT
SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 'pgml'::regnamespace;
-- Functions by name that are not here.
SELECT name FROM unnest(ARRAY['auto_updated_at', 'deploy', 'dump_all', 'load_all', 'load_dataset', 'predict', 'predict_batch', 'predict_proba',
	'sklearn_classification_metrics', 'sklearn_f1_score', 'sklearn_r2_score', 'sklearn_regression_metrics', 'snapshot', 'train',
	'validate_shared_library', 'version', 'xgboost_version']) AS name
WHERE NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'pgml'::regnamespace AND proname = name) ORDER BY name;

-- Volatility. What is IMMUTABLE PARALLEL SAFE STRICT there is so here; the predict family is not strict, because a missing value is
-- imputed, and reading a catalog that changes makes predict_batch STABLE.
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc
WHERE pronamespace = 'pgml'::regnamespace AND proname IN ('predict', 'predict_proba', 'predict_batch', 'version', 'xgboost_version', 'add', 'dot_product', 'norm_l2')
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- Labels of the enums, in their order. Ours has one more runtime, which says what trained a model.
SELECT typname, label, "position" FROM (VALUES
	('task', ARRAY['regression', 'classification', 'decomposition', 'clustering', 'question_answering', 'summarization', 'translation',
		'text_classification', 'text_generation', 'text2text', 'embedding', 'text_pair_classification', 'conversation']),
	('strategy', ARRAY['new_score', 'best_score', 'most_recent', 'rollback', 'specific']),
	('sampling', ARRAY['random', 'last', 'stratified']), ('search', ARRAY['grid', 'random']), ('runtime', ARRAY['python', 'rust', 'openai']),
	('status', ARRAY['in_progress', 'successful', 'failed'])) AS theirs(typname, labels), unnest(labels) WITH ORDINALITY AS l(label, "position")
WHERE NOT EXISTS (SELECT FROM pg_enum WHERE enumtypid = ('pgml.' || typname)::regtype AND enumlabel = label AND enumsortorder = "position");
SELECT t.typname, enumlabel FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
WHERE typnamespace = 'pgml'::regnamespace AND t.typname = 'runtime' AND enumlabel NOT IN ('python', 'rust', 'openai');
-- Algorithms: every name there is one here.
SELECT label FROM unnest(ARRAY['linear', 'lasso', 'ridge', 'elastic_net', 'least_angle', 'lasso_least_angle', 'orthogonal_matching_pursuit', 'bayesian_ridge',
	'automatic_relevance_determination', 'stochastic_gradient_descent', 'perceptron', 'passive_aggressive', 'ransac', 'theil_sen', 'huber', 'quantile',
	'kernel_ridge', 'gaussian_process', 'knn', 'svm', 'nu_svm', 'linear_svm', 'ada_boost', 'bagging', 'extra_trees', 'random_forest', 'gradient_boosting_trees',
	'hist_gradient_boosting', 'xgboost', 'xgboost_random_forest', 'lightgbm', 'catboost', 'transformers', 'kmeans', 'mini_batch_kmeans',
	'affinity_propagation', 'birch', 'mean_shift', 'dbscan', 'optics', 'spectral', 'feature_agglomeration', 'pca']) AS label
WHERE label <> ALL (enum_range(NULL::pgml.algorithm)::text[]);

-- Columns of tables and views, name and type. Ours may have more; overview, trained_models and deployed_models have the same.
CREATE TEMP TABLE incumbent_columns (relation text, columns text);
INSERT INTO incumbent_columns VALUES
	('projects', 'id bigint, name text, task pgml.task, created_at timestamp without time zone, updated_at timestamp without time zone'),
	('snapshots', 'id bigint, relation_name text, y_column_name text[], test_size real, test_sampling pgml.sampling, status text, columns jsonb, analysis jsonb, created_at timestamp without time zone, updated_at timestamp without time zone, materialized boolean'),
	('models', 'id bigint, project_id bigint, snapshot_id bigint, num_features integer, algorithm text, runtime pgml.runtime, hyperparams jsonb, status text, metrics jsonb, search text, search_params jsonb, search_args jsonb, created_at timestamp without time zone, updated_at timestamp without time zone'),
	('deployments', 'id bigint, project_id bigint, model_id bigint, strategy pgml.strategy, created_at timestamp without time zone'),
	('files', 'id bigint, model_id bigint, path text, part integer, created_at timestamp without time zone, updated_at timestamp without time zone, data bytea'),
	('overview', 'name text, deployed_at timestamp without time zone, task pgml.task, algorithm text, runtime pgml.runtime, relation_name text, y_column_name text[], test_sampling pgml.sampling, test_size real'),
	('trained_models', 'id bigint, name text, task pgml.task, algorithm text, runtime pgml.runtime, created_at timestamp without time zone, test_sampling pgml.sampling, test_size real, deployed boolean'),
	('deployed_models', 'id bigint, name text, task pgml.task, algorithm text, runtime pgml.runtime, deployed_at timestamp without time zone');
SELECT relation, "column" AS missing FROM incumbent_columns, string_to_table(columns, ', ') AS "column" EXCEPT
SELECT relation, attname || ' ' || format_type(atttypid, atttypmod) FROM (
	SELECT relname::text AS relation, attname, atttypid, atttypmod FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
	WHERE relnamespace = 'pgml'::regnamespace AND attnum > 0) AS ours;
DROP TABLE incumbent, incumbent_columns;
