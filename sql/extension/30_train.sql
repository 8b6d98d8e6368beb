-- Training, deployment, rights and toy data sets. Names, arguments and defaults are the incumbent's.
CREATE FUNCTION pgml.train(
	project_name text,
	task text DEFAULT NULL,
	relation_name text DEFAULT NULL,
	y_column_name text DEFAULT NULL,
	algorithm pgml.algorithm DEFAULT 'linear',
	hyperparams jsonb DEFAULT '{}',
	search pgml.search DEFAULT NULL,
	search_params jsonb DEFAULT '{}',
	search_args jsonb DEFAULT '{}',
	test_size real DEFAULT 0.25,
	test_sampling pgml.sampling DEFAULT 'stratified',
	runtime pgml.runtime DEFAULT NULL,
	automatic_deploy boolean DEFAULT true,
	materialize_snapshot boolean DEFAULT false,
	preprocess jsonb DEFAULT '{}'
) RETURNS TABLE (project text, task text, algorithm text, deployed boolean)
	AS 'MODULE_PATHNAME', 'pgml_train' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

-- Several targets in one model; with one it is pgml.train.
CREATE FUNCTION pgml.train_joint(
	project_name text,
	task text DEFAULT NULL,
	relation_name text DEFAULT NULL,
	y_column_name text[] DEFAULT NULL,
	algorithm pgml.algorithm DEFAULT 'linear',
	hyperparams jsonb DEFAULT '{}',
	search pgml.search DEFAULT NULL,
	search_params jsonb DEFAULT '{}',
	search_args jsonb DEFAULT '{}',
	test_size real DEFAULT 0.25,
	test_sampling pgml.sampling DEFAULT 'stratified',
	runtime pgml.runtime DEFAULT NULL,
	automatic_deploy boolean DEFAULT true,
	materialize_snapshot boolean DEFAULT false,
	preprocess jsonb DEFAULT '{}'
) RETURNS TABLE (project text, task text, algorithm text, deployed boolean)
	AS 'MODULE_PATHNAME', 'pgml_train_joint' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

CREATE FUNCTION pgml.deploy(model_id bigint) RETURNS TABLE (project text, strategy text, algorithm text)
	AS 'MODULE_PATHNAME', 'pgml_deploy_model' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;
CREATE FUNCTION pgml.deploy(project_name text, strategy pgml.strategy, algorithm pgml.algorithm DEFAULT NULL)
	RETURNS TABLE (project text, strategy text, algorithm text)
	AS 'MODULE_PATHNAME', 'pgml_deploy_strategy' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

CREATE FUNCTION pgml.grant_use(project text, role text) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_grant_use' LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT;
CREATE FUNCTION pgml.revoke_use(project text, role text) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_revoke_use' LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT;

CREATE FUNCTION pgml.load_dataset(
	source text,
	subset text DEFAULT NULL,
	"limit" bigint DEFAULT NULL,
	kwargs jsonb DEFAULT '{}'
) RETURNS TABLE (table_name text, rows bigint)
	AS 'MODULE_PATHNAME', 'pgml_load_dataset' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;
