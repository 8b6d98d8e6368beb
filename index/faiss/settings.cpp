/// From the recall that the user asks for to the lists that a scan opens.
#include "index/faiss/faiss.h"

#include "am/base/guc.h"

#include <cmath>

namespace pgml::index {

ScanSettings
ChooseSettings(const MetaData &meta) {
	uint32 lists = meta.layout.lists;
	bool codes = meta.layout.subquantizers > 0;
	ScanSettings settings = {lists, 0};
	double recall = am::guc_recall;
	// The measured recall of 1 is that of a sample: who asks for 1 gets every row looked at.
	if (recall < 1) {
		if (meta.n_curve == 0) {
			// Too few rows when it was built to measure anything.
			settings.probes = (uint32)std::ceil(std::sqrt((double)lists) * 2);
			settings.refine = codes ? 200 : 0;
		} else {
			// One standard error of what was measured is kept as a margin.
			double margin = std::sqrt(recall * (1 - recall) / Max(meta.curve_neighbors, 1U));
			for (uint32 i = 0; i < meta.n_curve; i++)
				if (meta.curve[i].recall >= Min(recall + margin, 1.0)) {
					settings.probes = meta.curve[i].probes;
					settings.refine = meta.curve[i].refine;
					break;
				}
		}
	}
	if (am::guc_probes > 0)
		settings.probes = (uint32)am::guc_probes;
	if (am::guc_refine > 0)
		settings.refine = codes ? (uint32)am::guc_refine : 0;
	settings.probes = Max(Min(settings.probes, lists), 1U);
	return settings;
}

} // namespace pgml::index
