-- The incumbent's call for many rows in one array; it returns a set by project and an array by model id there, too.
CREATE FUNCTION pgml.predict_batch(project text, features real[]) RETURNS SETOF real
	AS 'MODULE_PATHNAME', 'pgml_predict_batch_project' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000;
CREATE FUNCTION pgml.predict_batch(model_id bigint, features real[]) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_predict_batch_model' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
CREATE FUNCTION pgml.xgboost_version() RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_xgboost_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
