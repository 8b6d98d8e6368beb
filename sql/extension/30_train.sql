-- Training, deployment, rights and toy data sets. Names, arguments and defaults are the incumbent's.
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
