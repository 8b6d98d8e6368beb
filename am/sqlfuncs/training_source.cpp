/// Which columns of a relation are features, and how each becomes floats. See training_data.h.
#include "am/sqlfuncs/training_data.h"

#include "am/table/prediction_column.h"

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace pgml::am {

namespace {

/// @return false when values of the column cannot be used
bool
DescribeColumn(Form_pg_attribute attribute, SourceColumn *column) {
	*column = {};
	column->name = pstrdup(NameStr(attribute->attname));
	column->type = ResolveValueType(attribute->atttypid);
	column->width = 1;
	if (column->type.is_array)
		return IsNumber(column->type.kind) || IsTime(column->type.kind);
	return column->type.kind != ValueKind::kUnsupported && column->type.kind != ValueKind::kUnknown;
}

/// @param doing  for the message: "train", "evaluate"
Oid
ResolveRelation(const char *name, const char *doing) {
	List *names = textToQualifiedNameList(cstring_to_text(name));
	Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(names), AccessShareLock, false);
	switch (get_rel_relkind(relid)) {
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return relid;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot %s on \"%s\"", doing, name),
					 errhint("Name a table, view, materialized view or foreign table.")));
	}
	pg_unreachable();
}

char *
QualifiedName(Relation relation) {
	return quote_qualified_identifier(isTempNamespace(RelationGetNamespace(relation))
										  ? "pg_temp"
										  : get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

[[noreturn]] void
RaiseNoColumn(Relation relation, const char *column, const char *detail, const char *hint) {
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of relation \"%s\" does not exist", column,
						   RelationGetRelationName(relation)),
					detail != nullptr ? errdetail("%s", detail) : 0,
					hint != nullptr ? errhint("%s", hint) : 0));
	pg_unreachable();
}

[[noreturn]] void
RaiseUnusableType(Form_pg_attribute attribute, bool is_target, const char *hint) {
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("column \"%s\" of type %s cannot be a %s", NameStr(attribute->attname),
						   format_type_be(attribute->atttypid), is_target ? "target" : "feature"),
					errhint("%s", hint)));
	pg_unreachable();
}

void
CheckTarget(Form_pg_attribute attribute, const SourceColumn &column, Task task) {
	if (column.type.is_array)
		RaiseUnusableType(attribute, true, "Train on one number, boolean or text column.");
	if (IsTime(column.type.kind))
		RaiseUnusableType(attribute, true,
						  "Train on a number that a view makes of it, such as extract(epoch FROM "
						  "...) or a difference in days.");
	if (task == Task::kRegression && IsText(column.type.kind))
		RaiseUnusableType(attribute, true, "A text target needs the task \"classification\".");
}

/// The column of a relation with this name, or nullptr.
Form_pg_attribute
FindColumn(TupleDesc descriptor, const char *name) {
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute;
	}
	return nullptr;
}

bool
IsNamed(const ColumnNames &columns, const char *name) {
	for (int i = 0; i < columns.n; i++)
		if (strcmp(columns.names[i], name) == 0)
			return true;
	return false;
}

/// The columns named, which a task without a target only leaves out.
void
ResolveTargets(Relation relation, const ColumnNames &targets, Task task, TrainingSource *source) {
	source->targets = (SourceColumn *)palloc0(sizeof(SourceColumn) * Max(targets.n, 1));
	for (int i = 0; i < targets.n; i++) {
		Form_pg_attribute attribute = FindColumn(RelationGetDescr(relation), targets.names[i]);
		if (attribute == nullptr)
			RaiseNoColumn(relation, targets.names[i], nullptr,
						  "y_column_name is the column to learn, spelled as in the table.");
		if (!HasTarget(task))
			continue;
		SourceColumn *column = &source->targets[source->n_targets++];
		if (!DescribeColumn(attribute, column))
			RaiseUnusableType(attribute, true, "Train on a number, boolean or text column.");
		CheckTarget(attribute, *column, task);
	}
}

/// Sets the width of array features from one row; reading checks that all rows agree.
void
MeasureArrays(TrainingSource *source) {
	StringInfoData sql;
	initStringInfo(&sql);
	int n_arrays = 0;
	for (int i = 0; i < source->n_features; i++) {
		if (!source->features[i].type.is_array)
			continue;
		const char *column = quote_identifier(source->features[i].name);
		appendStringInfo(
			&sql, "%s(SELECT pg_catalog.cardinality(%s) FROM %s WHERE %s IS NOT NULL LIMIT 1)",
			n_arrays++ == 0 ? "SELECT " : ", ", column, source->qualified_name, column);
	}
	if (n_arrays == 0)
		return;
	int result = SPI_execute(sql.data, false, 1);
	if (result != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not measure array columns: %s", SPI_result_code_string(result));
	int position = 0;
	for (int i = 0; i < source->n_features; i++) {
		SourceColumn *column = &source->features[i];
		if (!column->type.is_array)
			continue;
		bool is_null;
		Datum width =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ++position, &is_null);
		if (is_null || DatumGetInt32(width) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("array column \"%s\" has no elements to learn from", column->name),
					 errdetail("Its values are null or empty, or there are no rows."),
					 errhint("Leave the column out with a view that selects the other columns.")));
		column->width = DatumGetInt32(width);
	}
}

} // namespace

void
ResolveTrainingSource(const char *relation_name, const ColumnNames &targets, Task task,
					  TrainingSource *source) {
	*source = {};
	source->relation = ResolveRelation(relation_name, "train");
	Relation relation = relation_open(source->relation, NoLock);
	TupleDesc descriptor = RelationGetDescr(relation);
	source->qualified_name = QualifiedName(relation);
	source->features = (SourceColumn *)palloc0(sizeof(SourceColumn) * Max(descriptor->natts, 1));
	ResolveTargets(relation, targets, task, source);

	PredictionColumns predictions;
	bool has_predictions = GetPredictionColumns(relation, &predictions);
	for (int i = 0; i < descriptor->natts; i++) {
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		if (attribute->attisdropped)
			continue;
		if (IsNamed(targets, NameStr(attribute->attname)))
			continue;
		if (has_predictions && predictions.Has(i + 1)) {
			ereport(NOTICE, (errmsg("prediction column \"%s\" is left out of the features",
									NameStr(attribute->attname))));
			continue;
		}
		SourceColumn column;
		if (!DescribeColumn(attribute, &column))
			RaiseUnusableType(attribute, false,
							  "Leave the column out with a view that selects the other columns, or "
							  "cast it there to a number or text.");
		source->features[source->n_features++] = column;
	}
	if (source->n_features == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("relation \"%s\" has no feature columns", RelationGetRelationName(relation)),
			 targets.n == 0 ? errdetail("Every column is a feature, except prediction columns.")
			 : targets.n == 1
				 ? errdetail("Every column but the target \"%s\" is a feature.", targets.names[0])
				 : errdetail("Every column but the %d targets is a feature.", targets.n)));
	relation_close(relation, NoLock);

	MeasureArrays(source);
	int64 raw_width = 0;
	for (int i = 0; i < source->n_features; i++) {
		source->features[i].first = static_cast<int>(raw_width);
		raw_width += source->features[i].width;
		if (raw_width > 1000000)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("relation \"%s\" has more than 1000000 feature values in a row",
								   relation_name)));
	}
	source->raw_width = static_cast<int>(raw_width);
}

namespace {

/// A column in the place of a model's feature.
SourceColumn
BindColumn(Form_pg_attribute attribute, const FeatureSpec &feature, const BoundModel &model) {
	SourceColumn column;
	bool usable = DescribeColumn(attribute, &column);
	const char *wanted = feature.type == FeatureType::kText   ? "text"
						 : feature.type == FeatureType::kTime ? "date or timestamp"
															  : "number or boolean";
	if (!usable || IsText(column.type.kind) != (feature.type == FeatureType::kText) ||
		IsTime(column.type.kind) != (feature.type == FeatureType::kTime) ||
		(feature.width > 1 && !column.type.is_array))
		ereport(
			ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" has type %s, which does not fit the feature",
					NameStr(attribute->attname), format_type_be(attribute->atttypid)),
			 feature.width > 1
				 ? errdetail("As a feature of %s it must be an array of %u elements, each a %s.",
							 DescribeModel(model), feature.width, wanted)
				 : errdetail("As a feature of %s it must be a %s.", DescribeModel(model), wanted)));
	column.width = static_cast<int>(feature.width);
	return column;
}

} // namespace

void
ResolveEvaluationSource(const char *relation_name, const ColumnNames &targets,
						const BoundModel &model, TrainingSource *source) {
	*source = {};
	source->relation = ResolveRelation(relation_name, "evaluate");
	Relation relation = relation_open(source->relation, NoLock);
	TupleDesc descriptor = RelationGetDescr(relation);
	source->qualified_name = QualifiedName(relation);
	const std::vector<FeatureSpec> &features = model.model->features();
	source->features =
		(SourceColumn *)palloc0(sizeof(SourceColumn) * Max(features.size(), size_t{1}));
	for (const FeatureSpec &feature : features) {
		CheckModelText(model, feature.name.data(), feature.name.size());
		Form_pg_attribute attribute = FindColumn(descriptor, feature.name.c_str());
		if (attribute == nullptr)
			RaiseNoColumn(relation, feature.name.c_str(),
						  psprintf("It is a feature of %s.", DescribeModel(model)), nullptr);
		SourceColumn *column = &source->features[source->n_features++];
		*column = BindColumn(attribute, feature, model);
		column->first = source->raw_width;
		source->raw_width += column->width;
	}
	source->targets = (SourceColumn *)palloc0(sizeof(SourceColumn) * Max(targets.n, 1));
	for (int i = 0; i < targets.n; i++) {
		Form_pg_attribute attribute = FindColumn(descriptor, targets.names[i]);
		if (attribute == nullptr)
			RaiseNoColumn(relation, targets.names[i], nullptr,
						  "y_column_name says which column holds the true values.");
		SourceColumn *column = &source->targets[source->n_targets++];
		if (!DescribeColumn(attribute, column))
			RaiseUnusableType(attribute, true, "The target is a number, boolean or text column.");
		CheckTarget(attribute, *column, model.model->task());
	}
	relation_close(relation, NoLock);
}

} // namespace pgml::am
