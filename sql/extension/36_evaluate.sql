-- Looking at a model: by project, which means its deployed model, or by model id. They need the right to use the project, and read the
-- relation with the caller's rights.
CREATE FUNCTION pgml.evaluate(project text, relation text, y_column_name text DEFAULT NULL)
	RETURNS TABLE (metric text, value double precision)
	AS 'MODULE_PATHNAME', 'pgml_evaluate_project' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 12;
CREATE FUNCTION pgml.evaluate(model_id bigint, relation text, y_column_name text DEFAULT NULL)
	RETURNS TABLE (metric text, value double precision)
	AS 'MODULE_PATHNAME', 'pgml_evaluate_model' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 12;
CREATE FUNCTION pgml.confusion_matrix(project text, relation text, y_column_name text DEFAULT NULL)
	RETURNS TABLE (actual text, predicted text, count bigint)
	AS 'MODULE_PATHNAME', 'pgml_confusion_matrix_project' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
CREATE FUNCTION pgml.confusion_matrix(model_id bigint, relation text, y_column_name text DEFAULT NULL)
	RETURNS TABLE (actual text, predicted text, count bigint)
	AS 'MODULE_PATHNAME', 'pgml_confusion_matrix_model' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
CREATE FUNCTION pgml.roc_curve(project text, relation text, label text DEFAULT NULL, y_column_name text DEFAULT NULL)
	RETURNS TABLE (threshold double precision, false_positive_rate double precision, true_positive_rate double precision)
	AS 'MODULE_PATHNAME', 'pgml_roc_curve_project' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;
CREATE FUNCTION pgml.roc_curve(model_id bigint, relation text, label text DEFAULT NULL, y_column_name text DEFAULT NULL)
	RETURNS TABLE (threshold double precision, false_positive_rate double precision, true_positive_rate double precision)
	AS 'MODULE_PATHNAME', 'pgml_roc_curve_model' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;
CREATE FUNCTION pgml.feature_importance(project text, kind text DEFAULT NULL)
	RETURNS TABLE (feature text, importance double precision)
	AS 'MODULE_PATHNAME', 'pgml_feature_importance_project' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
CREATE FUNCTION pgml.feature_importance(model_id bigint, kind text DEFAULT NULL)
	RETURNS TABLE (feature text, importance double precision)
	AS 'MODULE_PATHNAME', 'pgml_feature_importance_model' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20;
CREATE FUNCTION pgml.describe(project text)
	RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pgml_describe_project' LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION pgml.describe(model_id bigint)
	RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pgml_describe_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
