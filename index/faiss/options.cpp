/// WITH (factory = '...', lists = ...): what the user chose of a layout; the rest follows from the rows.
#include "index/faiss/faiss.h"

#include "am/base/guard.h"

extern "C" {
#include "access/reloptions.h"
}

namespace pgml::index {

namespace {

struct Options {
	int32 vl_len_;
	int factory; ///< offset of the string
	int lists;   ///< 0: by the number of rows
};

relopt_kind options_kind;

void
CheckFactory(const char *text) {
	pg::Guard([&] { (void)ann::Factory::Parse(text); });
}

} // namespace

void
DefineIndexOptions() {
	options_kind = add_reloption_kind();
	add_string_reloption(options_kind, "factory",
						 "Kind of index, in the spelling of FAISS's index factory", "",
						 CheckFactory, AccessExclusiveLock);
	add_int_reloption(options_kind, "lists", "Number of inverted lists, 0 = by the number of rows",
					  0, 0, (int)ann::kMaxLists, AccessExclusiveLock);
}

bytea *
IndexOptions(Datum options, bool validate) {
	static const relopt_parse_elt kOptions[] = {
		{"factory", RELOPT_TYPE_STRING, offsetof(Options, factory)},
		{"lists", RELOPT_TYPE_INT, offsetof(Options, lists)},
	};
	return (bytea *)build_reloptions(options, validate, options_kind, sizeof(Options), kOptions,
									 lengthof(kOptions));
}

ann::Layout
ChooseLayout(Relation index, uint32 dims, ann::Metric metric, uint64 n_vectors) {
	auto *options = (Options *)index->rd_options;
	const char *text = options != nullptr ? GET_STRING_RELOPTION(options, factory) : "";
	uint32 lists = options != nullptr ? (uint32)options->lists : 0;
	ann::Layout layout;
	pg::Guard([&] {
		ann::Factory factory = ann::Factory::Parse(text != nullptr ? text : "");
		if (lists > 0) {
			if (!factory.inverted)
				throw pgml::Error(pgml::ErrorCode::kInvalidArgument,
								  "option \"lists\" does not go with factory \"Flat\"");
			if (factory.lists != 0 && factory.lists != lists)
				throw pgml::Error(
					pgml::ErrorCode::kInvalidArgument,
					"options \"lists\" and \"factory\" name different numbers of lists");
			factory.lists = lists;
		}
		layout = factory.LayoutFor(dims, metric, n_vectors);
	});
	return layout;
}

} // namespace pgml::index
