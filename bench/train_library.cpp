// What `./dev bench train` compares with: libxgboost alone, through its C API, on the rows that the server trains on.
//
//   train_library generate ROWS FILE    makes the rows, as a file for COPY ... WITH (FORMAT binary)
//   train_library train FILE ROWS FORM ROUNDS DEPTH THREADS
//                                       trains on the first ROWS rows; FORM is quantile (XGBoost's QuantileDMatrix, what
//                                       its Python interface takes for hist) or dense (DMatrix)
//
// "train" reads the matrix, writes "ready", waits for a line, trains, writes "trained SECONDS" and waits for another line:
// whoever started it looks at its memory meanwhile. Then it predicts the rows that it did not train on, writes
// "predicted SECONDS", and the sum of the first 10,000 predictions, by which the two models are seen to be equal.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <xgboost/c_api.h>

namespace {

constexpr size_t kColumns = 28;
constexpr char kSignature[] = "PGCOPY\n\377\r\n"; // and a zero byte

[[noreturn]] void
Die(const std::string &message) {
	std::fprintf(stderr, "train_library: %s\n", message.c_str());
	std::exit(1);
}

void
Check(int status) {
	if (status != 0)
		Die(XGBGetLastError());
}

struct File {
	std::FILE *file;
	File(const char *path, const char *mode) : file(std::fopen(path, mode)) {
		if (file == nullptr)
			Die(std::string("cannot open ") + path);
	}
	~File() { std::fclose(file); }
	template <typename T>
	void
	Put(T value) {
		for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8)
			std::fputc(static_cast<int>(value >> shift & 0xff), file);
	}
	template <typename T>
	T
	Get() {
		uint64_t value = 0;
		for (size_t i = 0; i < sizeof(T); i++)
			value = value << 8 | static_cast<uint8_t>(std::fgetc(file));
		return static_cast<T>(value);
	}
};

/// Rows like those of the Higgs set: 21 measured quantities that share causes, 7 made of them, a target that depends on
/// both and is noisy; one value in 20 is missing.
void
Generate(size_t rows, const char *path) {
	File out(path, "wb");
	std::fwrite(kSignature, 1, sizeof(kSignature), out.file);
	out.Put<uint32_t>(0);
	out.Put<uint32_t>(0);
	std::mt19937 random(28);
	std::normal_distribution<float> normal;
	std::uniform_real_distribution<float> uniform;
	for (size_t row = 0; row < rows; row++) {
		float cause[5], x[kColumns];
		for (float &value : cause)
			value = normal(random);
		for (size_t j = 0; j < 21; j++)
			x[j] = 0.6f * cause[j % 5] + 0.8f * normal(random);
		for (size_t j = 0; j < 7; j++)
			x[21 + j] = std::sqrt(x[j] * x[j] + x[j + 7] * x[j + 7]) + 0.3f * x[j + 14] * x[j + 3];
		float score = x[0] * x[1] + std::sin(2 * x[2]) + 0.8f * x[22] - 0.6f * x[25] * x[4] +
					  (x[9] > 0.5f ? 0.7f : 0) + 0.4f * x[27] - 1 + normal(random);
		out.Put<uint16_t>(kColumns + 1);
		for (float value : x) {
			if (uniform(random) < 0.05f) {
				out.Put<uint32_t>(0xffffffff);
			} else {
				out.Put<uint32_t>(4);
				out.Put(std::bit_cast<uint32_t>(value));
			}
		}
		out.Put<uint32_t>(1);
		out.Put<uint8_t>(score > 0);
	}
	out.Put<uint16_t>(0xffff);
}

/// Row-major features and labels.
void
Read(const char *path, std::vector<float> &features, std::vector<float> &labels) {
	File in(path, "rb");
	char signature[sizeof(kSignature)];
	if (std::fread(signature, 1, sizeof(signature), in.file) != sizeof(signature) ||
		std::memcmp(signature, kSignature, sizeof(signature)) != 0)
		Die("not a file of rows");
	in.Get<uint64_t>();
	while (in.Get<uint16_t>() == kColumns + 1) {
		for (size_t j = 0; j < kColumns; j++)
			features.push_back(in.Get<uint32_t>() == 4 ? std::bit_cast<float>(in.Get<uint32_t>())
													   : NAN);
		in.Get<uint32_t>();
		labels.push_back(in.Get<uint8_t>());
	}
}

std::string
Interface(const float *data, size_t rows) {
	return "{\"data\":[" + std::to_string(reinterpret_cast<uintptr_t>(data)) +
		   ",true],\"shape\":[" + std::to_string(rows) + "," + std::to_string(kColumns) +
		   "],\"typestr\":\"<f4\",\"version\":3}";
}

struct OneBatch {
	const float *features, *labels;
	size_t rows;
	DMatrixHandle proxy;
	bool given;
	static int
	Next(DataIterHandle handle) {
		auto &self = *static_cast<OneBatch *>(handle);
		if (self.given)
			return 0;
		Check(XGProxyDMatrixSetDataDense(self.proxy, Interface(self.features, self.rows).c_str()));
		Check(XGDMatrixSetFloatInfo(self.proxy, "label", self.labels, self.rows));
		self.given = true;
		return 1;
	}
	static void
	Reset(DataIterHandle handle) {
		static_cast<OneBatch *>(handle)->given = false;
	}
};

double
SecondsSince(std::chrono::steady_clock::time_point start) {
	return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void
WaitForLine() {
	for (int c = 0; c != '\n' && c != EOF;)
		c = std::getchar();
}

/// Sum of the first predictions of a matrix.
double
Predict(BoosterHandle booster, const float *features, size_t rows, const std::string &config,
		size_t summed) {
	DMatrixHandle matrix;
	Check(XGDMatrixCreateFromDense(Interface(features, rows).c_str(), config.c_str(), &matrix));
	const bst_ulong *shape;
	bst_ulong dimensions;
	const float *predictions;
	Check(XGBoosterPredictFromDMatrix(
		booster, matrix,
		R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true})",
		&shape, &dimensions, &predictions));
	double sum = 0;
	for (size_t row = 0; row < std::min(rows, summed); row++)
		sum += predictions[row];
	XGDMatrixFree(matrix);
	return sum;
}

void
Train(const char *path, size_t rows, const std::string &form, int rounds, const char *depth,
	  const char *threads) {
	std::vector<float> features, labels;
	Read(path, features, labels);
	rows = std::min(rows, labels.size());
	features.shrink_to_fit();
	std::puts("ready");
	std::fflush(stdout);
	WaitForLine();

	auto start = std::chrono::steady_clock::now();
	std::string config = std::string(R"({"missing":NaN,"max_bin":256,"nthread":)") + threads + "}";
	DMatrixHandle matrix;
	if (form == "quantile") {
		OneBatch batch{features.data(), labels.data(), rows, nullptr, false};
		Check(XGProxyDMatrixCreate(&batch.proxy));
		Check(XGQuantileDMatrixCreateFromCallback(&batch, batch.proxy, nullptr, OneBatch::Reset,
												  OneBatch::Next, config.c_str(), &matrix));
		XGDMatrixFree(batch.proxy);
	} else {
		Check(XGDMatrixCreateFromDense(Interface(features.data(), rows).c_str(), config.c_str(),
									   &matrix));
		Check(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), rows));
	}
	BoosterHandle booster;
	Check(XGBoosterCreate(&matrix, 1, &booster));
	const char *parameters[][2] = {
		{"verbosity", "0"},      {"nthread", threads}, {"objective", "binary:logistic"},
		{"tree_method", "hist"}, {"max_depth", depth}, {"max_bin", "256"}};
	for (auto &[name, value] : parameters)
		Check(XGBoosterSetParam(booster, name, value));
	for (int round = 0; round < rounds; round++)
		Check(XGBoosterUpdateOneIter(booster, round, matrix));
	std::printf("trained %.6f\n", SecondsSince(start));
	std::fflush(stdout);
	WaitForLine();

	start = std::chrono::steady_clock::now();
	if (rows < labels.size())
		Predict(booster, features.data() + rows * kColumns, labels.size() - rows, config, 0);
	std::printf("predicted %.6f\n", SecondsSince(start));
	std::printf("sum %.9f\n", Predict(booster, features.data(),
									  std::min<size_t>(labels.size(), 10000), config, 10000));
}

} // namespace

int
main(int argc, char **argv) {
	std::string verb = argc > 1 ? argv[1] : "";
	if (verb == "generate" && argc == 4)
		Generate(std::strtoul(argv[2], nullptr, 10), argv[3]);
	else if (verb == "train" && argc == 8)
		Train(argv[2], std::strtoul(argv[3], nullptr, 10), argv[4], std::atoi(argv[5]), argv[6],
			  argv[7]);
	else
		Die("see the head of bench/train_library.cpp");
}
