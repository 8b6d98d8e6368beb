-- pgml_am install script; the parts in this folder are concatenated in the order of their names.
\echo Use "CREATE EXTENSION pgml_am" to load this file. \quit

CREATE FUNCTION pg_temp.pgml_validate_shared_library() RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_validate_shared_library' LANGUAGE C;
SELECT pg_temp.pgml_validate_shared_library();
DROP FUNCTION pg_temp.pgml_validate_shared_library();

-- Plain CREATE: a schema planted by somebody else must stop the installation, not be adopted.
CREATE SCHEMA pgml;
GRANT USAGE ON SCHEMA pgml TO PUBLIC;

CREATE FUNCTION pgml.version() RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.validate_shared_library() RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_validate_shared_library' LANGUAGE C VOLATILE;

-- Labels and their order are the incumbent's; not every algorithm is available yet (pgml.train says which are).
CREATE TYPE pgml.task AS ENUM (
	'regression', 'classification', 'decomposition', 'clustering', 'question_answering', 'summarization',
	'translation', 'text_classification', 'text_generation', 'text2text', 'embedding',
	'text_pair_classification', 'conversation');
CREATE TYPE pgml.algorithm AS ENUM (
	'linear', 'lasso', 'ridge', 'elastic_net', 'least_angle', 'lasso_least_angle',
	'orthogonal_matching_pursuit', 'bayesian_ridge', 'automatic_relevance_determination',
	'stochastic_gradient_descent', 'perceptron', 'passive_aggressive', 'ransac', 'theil_sen', 'huber', 'quantile',
	'kernel_ridge', 'gaussian_process', 'knn', 'svm', 'nu_svm', 'linear_svm', 'ada_boost', 'bagging', 'extra_trees',
	'gradient_boosting_trees', 'random_forest', 'hist_gradient_boosting', 'mlp', 'xgboost', 'xgboost_random_forest',
	'lightgbm', 'catboost', 'transformers', 'affinity_propagation', 'birch', 'kmeans', 'mini_batch_kmeans',
	'mean_shift', 'dbscan', 'feature_agglomeration', 'optics', 'spectral', 'spectral_bi', 'spectral_co', 'pca');
CREATE TYPE pgml.strategy AS ENUM ('new_score', 'best_score', 'most_recent', 'rollback', 'specific');
CREATE TYPE pgml.sampling AS ENUM ('random', 'last', 'stratified');
CREATE TYPE pgml.search AS ENUM ('grid', 'random');
CREATE TYPE pgml.runtime AS ENUM ('python', 'rust', 'openai', 'native');
CREATE TYPE pgml.status AS ENUM ('in_progress', 'successful', 'failed');
