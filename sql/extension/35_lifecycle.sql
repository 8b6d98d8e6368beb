-- Dropping, renaming and moving models. What still names a project in a prediction column or an index keeps it.
CREATE FUNCTION pgml.drop_model(model_id bigint) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_drop_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION pgml.prune_models(project text, keep integer DEFAULT 5, strategy pgml.strategy DEFAULT 'best_score')
	RETURNS TABLE (model_id bigint, algorithm text, score double precision, created_at timestamp)
	AS 'MODULE_PATHNAME', 'pgml_prune_models' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
CREATE FUNCTION pgml.drop_project(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_drop_project' LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION pgml.rename_project(old_name text, new_name text) RETURNS void
	AS 'MODULE_PATHNAME', 'pgml_rename_project' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION pgml.export_model(model_id bigint) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pgml_export_model' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.import_model(project text, data bytea, format text DEFAULT 'pgml') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pgml_import_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION pgml.import_model(project text, data json, format text DEFAULT 'xgboost') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pgml_import_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
-- An untyped literal is taken for text: bytea in its hexadecimal form, or a model file that is text.
CREATE FUNCTION pgml.import_model(project text, data text, format text DEFAULT 'pgml') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pgml_import_model_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
