// Opens pgml_train_faiss.so by its full path. OpenBLAS starts threads while it is loaded, one per core unless the
// environment says otherwise: it is told to start none, and signals are blocked, so that no thread of a library ever
// handles one of the server's. The module itself sets the number of threads for each training.
#include "training/training_module.h"

#include <cstdlib>
#include <optional>

#include <dlfcn.h>

#include <fmt/format.h>

#include "pgml/error.h"
#include "base/signals.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr const char *kName = "pgml_train_faiss.so";

[[noreturn]] void
Unusable(const std::string &detail) {
	throw Error(ErrorCode::kNotSupported,
				fmt::format("could not load the training module \"{}\"", kName), detail,
				"It is installed beside pgml_am.so; install pgml_am again as a whole.");
}

template <typename Function>
Function *
Find(void *module, const char *name) {
	void *address = dlsym(module, name);
	if (address == nullptr)
		Unusable(fmt::format("It has no function \"{}\".", name));
	return reinterpret_cast<Function *>(address);
}

/// One thread for OpenBLAS while it is loaded; what the environment said before stands again afterwards.
class SingleThreadedBlas {
public:
	SingleThreadedBlas() {
		if (const char *value = getenv(kVariable))
			before_ = value;
		setenv(kVariable, "1", 1);
	}
	~SingleThreadedBlas() {
		if (before_)
			setenv(kVariable, before_->c_str(), 1);
		else
			unsetenv(kVariable);
	}
	SingleThreadedBlas(const SingleThreadedBlas &) = delete;
	SingleThreadedBlas &operator=(const SingleThreadedBlas &) = delete;

private:
	static constexpr const char *kVariable = "OPENBLAS_NUM_THREADS";
	std::optional<std::string> before_;
};

void *
Open(const std::string &directory) {
	if (directory.empty())
		Unusable("Its directory is not known.");
	SignalsBlocked signals;
	SingleThreadedBlas blas;
	void *module = dlopen((directory + "/" + kName).c_str(), RTLD_NOW | RTLD_LOCAL);
	if (module == nullptr)
		Unusable(fmt::format("{}.", dlerror()));
	return module;
}

/// A function of the module, opened if need be: dlopen counts, one that is open already is only looked up.
template <typename Function>
Function *
Load(const std::string &directory, const char *name) {
	void *module = Open(directory);
	int abi = Find<PgmlTrainFaissAbi>(module, "pgml_train_faiss_abi")();
	if (abi != PGML_TRAIN_FAISS_ABI)
		Unusable(fmt::format("It has version {}, needed is {}.", abi, PGML_TRAIN_FAISS_ABI));
	return Find<Function>(module, name);
}

} // namespace

PgmlTrainFaissKmeans *
LoadFaissKmeans(const std::string &directory) {
	return Load<PgmlTrainFaissKmeans>(directory, "pgml_train_faiss_kmeans");
}

PgmlTrainFaissProductQuantizer *
LoadFaissProductQuantizer(const std::string &directory) {
	return Load<PgmlTrainFaissProductQuantizer>(directory, "pgml_train_faiss_product_quantizer");
}

} // namespace pgml
