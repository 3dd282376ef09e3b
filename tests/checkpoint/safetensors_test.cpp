#include "aero/checkpoint/safetensors.h"

#include "aero/core/checksum.h"
#include "aero/core/error.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace aero::checkpoint {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path golden = fs::path(AERO_SOURCE_DIR) / "tests" / "golden" / "safetensors";

/// A file with this header and this many bytes of data, each 1.
std::string file_of(std::string_view header, std::size_t data_size) {
  std::string bytes;
  for (int byte = 0; byte < 8; ++byte) {
    bytes += static_cast<char>((header.size() >> (8 * byte)) & 0xFF);
  }
  return bytes + std::string(header) + std::string(data_size, '\1');
}

class Safetensors : public testing::Test {
 protected:
  std::string damage_of(std::string_view bytes) const {
    put(file_, bytes);
    const std::string message = error_of([&] { load_safetensors(file_); });
    EXPECT_THAT(message, HasSubstr(file_.string()));
    return message;
  }

  const TemporaryFolder temporary_;
  const fs::path file_ = temporary_.path() / "a.safetensors";
};

/// What tests/golden/safetensors/make_safetensors.py writes.
TensorMap every_dtype() {
  using Whole = std::vector<std::int64_t>;
  const float infinity = std::numeric_limits<float>::infinity();
  const auto small = std::numeric_limits<std::int64_t>::min();
  const auto large = std::numeric_limits<std::int64_t>::max();
  TensorMap map;
  map["f64"] = torch::tensor({0.1, -2.5e300}, torch::kFloat64);
  map["f32"] = torch::tensor({1.5F, -0.25F, 3.0F, infinity, 1e-45F, -0.0F}).view({2, 3});
  map["f16"] = torch::tensor({1.0, -65504.0, 6e-8}, torch::kFloat64).to(torch::kFloat16);
  map["bf16"] = torch::tensor({1.0, -3.0e38}, torch::kFloat64).to(torch::kBFloat16).view({2, 1});
  map["i64"] = torch::tensor(Whole{small, large});
  map["i32"] = torch::tensor(Whole{-2147483648, 2147483647}).to(torch::kInt32);
  map["i16"] = torch::tensor({-32768, 32767, 5}, torch::kInt16);
  map["i8"] = torch::tensor({-128, 127, 3}, torch::kInt8);
  map["u8"] = torch::tensor({0, 255}, torch::kUInt8);
  map["u16"] = torch::tensor({0, 65535}, torch::kInt32).to(torch::kUInt16);
  map["u32"] = torch::tensor(Whole{0, 4294967295}).to(torch::kUInt32);
  map["u64"] = torch::tensor(Whole{1, small}).view(torch::kUInt64);
  map["bool"] = torch::tensor({1, 0, 1}, torch::kInt32).to(torch::kBool);
  map["scalar"] = torch::tensor(7.0F);
  map["empty"] = torch::empty({0, 4});
  map["n\xC3\xA4me \"quoted\""] = torch::tensor({9}, torch::kInt32);
  return map;
}

TEST_F(Safetensors, ReportsTheChecksumOfTheWholeFile) {
  TensorMap tensors{{"empty", torch::zeros({0, 3})}, {"truth", torch::tensor({true, false})}};
  for (const auto* const name : {"a", "b", "c", "d", "e"}) {
    tensors[name] = torch::rand({1 << 19});  // 2 MiB: threads take some together
  }
  save_safetensors(file_, tensors);
  EXPECT_EQ(load_safetensors(file_).crc32, crc32(get(file_)));
}

TEST_F(Safetensors, LoadsEveryDtypeThatPythonWrites) {
  const SafetensorsFile loaded = load_safetensors(golden / "every_dtype.safetensors");
  const TensorMap expected = every_dtype();
  EXPECT_EQ(loaded.metadata, (Metadata{{"format", "pt"}}));
  ASSERT_EQ(loaded.tensors.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(loaded.tensors.contains(name)) << name;
    const torch::Tensor& actual = loaded.tensors.at(name);
    EXPECT_EQ(actual.scalar_type(), tensor.scalar_type()) << name;
    ASSERT_EQ(actual.sizes(), tensor.sizes()) << name;
    EXPECT_EQ(std::memcmp(actual.data_ptr(), tensor.data_ptr(), tensor.nbytes()), 0) << name;
  }
}

TEST_F(Safetensors, SavesTheBytesThatPythonWrites) {
  save_safetensors(file_, every_dtype(), {{"format", "pt"}});
  EXPECT_EQ(get(file_), get(golden / "every_dtype.safetensors"));
  TensorMap weights;
  weights["h.10.weight"] = torch::tensor({0, 1, 2, 3, 4, 5}, torch::kFloat32).view({2, 3});
  weights["h.2.bias"] = torch::tensor({0.5F, 0.5F, 0.5F});
  weights["a"] = torch::tensor({-1.0F}, torch::requires_grad());
  save_safetensors(file_, weights);
  EXPECT_EQ(get(file_), get(golden / "one_dtype.safetensors"));
  save_safetensors(file_, {});
  EXPECT_EQ(get(file_), get(golden / "empty.safetensors"));
}

TEST_F(Safetensors, LoadsAFileWithoutTensors) {
  EXPECT_THAT(load_safetensors(golden / "empty.safetensors").tensors, IsEmpty());
}

TEST_F(Safetensors, SavesBytesThatAreWrittenByHand) {
  save_safetensors(file_, {{"x", torch::tensor({1, 258}, torch::kInt16)}});
  const std::string header = R"({"x":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}})";
  ASSERT_EQ(header.size(), 54U);
  EXPECT_EQ(get(file_), std::string("\x38\0\0\0\0\0\0\0", 8) + header + "  " +
                            std::string("\x01\x00\x02\x01", 4));
}

TEST_F(Safetensors, SavesATransposedTensorInItsLogicalOrder) {
  save_safetensors(file_, {{"x", torch::tensor({1, 2, 3, 4}, torch::kUInt8).view({2, 2}).t()}});
  EXPECT_TRUE(get(file_).ends_with(std::string_view("\1\3\2\4", 4)));
}

TEST_F(Safetensors, GivesTensorsMemoryOfTheirOwn) {
  save_safetensors(file_, {{"x", torch::tensor({1.0F, 2.0F})}});
  const torch::Tensor loaded = load_safetensors(file_).tensors.at("x");
  put(file_, "gone");
  loaded.add_(1);
  EXPECT_TRUE(torch::equal(loaded, torch::tensor({2.0F, 3.0F})));
}

TEST_F(Safetensors, ReadsAnyNonZeroByteAsTrue) {
  put(file_, file_of(R"({"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x02");
  EXPECT_TRUE(load_safetensors(file_).tensors.at("x").item<bool>());
}

TEST_F(Safetensors, AcceptsTensorsInAnyOrderAndKeysItDoesNotKnow) {
  put(file_, file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3],"note":{"a":1}},)"
                     R"("a":{"data_offsets":[0,2],"shape":[1,2],"dtype":"U8"}}   )",
                     3));
  EXPECT_EQ(load_safetensors(file_).tensors.at("a").sizes(), torch::IntArrayRef({1, 2}));
}

TEST_F(Safetensors, RefusesEveryTruncationAndEveryExtension) {
  const std::string whole = get(golden / "every_dtype.safetensors");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(damage_of(whole.substr(0, size)), HasSubstr("is damaged")) << size;
  }
  EXPECT_THAT(damage_of(whole + '\0'), HasSubstr("124 bytes and the file holds 125"));
}

TEST_F(Safetensors, SurvivesEveryChangeOfOneHeaderByte) {
  const std::string whole = get(golden / "one_dtype.safetensors");
  const std::size_t data_size = 40;
  int refused = 0;
  for (std::size_t at = 0; at < whole.size() - data_size; ++at) {
    for (const char byte : {'\0', '9', '"', '}', '[', '-', '\xFF'}) {
      std::string changed = whole;
      changed[at] = byte;
      put(file_, changed);
      try {
        std::size_t size = 0;
        for (const auto& [name, tensor] : load_safetensors(file_).tensors) size += tensor.nbytes();
        EXPECT_EQ(size, data_size);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 500);
}

struct Case {
  const char* header;
  std::size_t data_size;
  const char* said;
};

class DamagedSafetensors : public Safetensors, public testing::WithParamInterface<Case> {};

TEST_P(DamagedSafetensors, IsRefusedWithItsReason) {
  EXPECT_THAT(damage_of(file_of(GetParam().header, GetParam().data_size)),
              HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    Headers, DamagedSafetensors,
    testing::Values(
        Case{"", 0, "no JSON object"}, Case{"[]", 0, "no JSON object"},
        Case{" {}", 0, "no JSON object"}, Case{"{", 0, "no JSON"}, Case{"{}x", 0, "no JSON"},
        Case{"{\"\xFF\":1}", 0, "no JSON"}, Case{"{}", 1, "0 bytes and the file holds 1"},
        Case{R"({"x":1})", 0, "tensor 'x': no JSON object"},
        Case{R"({"x":{"a":[[1]]}})", 0, "nested too deeply"},
        Case{R"({"__metadata__":1})", 0, "__metadata__ is no JSON object"},
        Case{R"({"__metadata__":{"a":1}})", 0, "__metadata__ 'a' is no text"},
        Case{R"({"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
             R"("x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
             0, "names 'x' twice"},
        Case{R"({"x":{"shape":[1],"data_offsets":[0,1]}})", 1, "no text in 'dtype'"},
        Case{R"({"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
             "dtype 'F8_E4M3' is not supported"},
        Case{R"({"x":{"dtype":"U8","data_offsets":[0,1]}})", 1, "no list of numbers in 'shape'"},
        Case{R"({"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "'shape' holds -1"},
        Case{R"({"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "'shape' holds 1.0"},
        Case{R"({"x":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, "holds \"1\""},
        Case{R"({"x":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})", 1,
             "'shape' holds 9223372036854775808"},
        Case{R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "beginning and end"},
        Case{R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "beginning and end"},
        Case{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
             "shape [2] of F32 does not fit the 4 bytes"},
        Case{R"({"x":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
             "does not fit the 0 bytes"},
        Case{R"({"x":{"dtype":"U8","shape":[0,9223372036854775807,3],"data_offsets":[0,0]}})", 0,
             "does not fit the 0 bytes"},
        Case{R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 1,
             "2 bytes and the file holds 1"},
        Case{R"({"x":{"dtype":"U8","shape":[1000000000000],"data_offsets":[0,1000000000000]}})", 1,
             "1000000000000 bytes and the file holds 1"},
        Case{R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
             "tensor 'x' begins at byte 1 of the data and not at 0"},
        Case{R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
             R"("y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
             3, "tensor 'y' begins at byte 1 of the data and not at 2"}));

TEST_F(Safetensors, RefusesAHeaderLongerThanTheFileOrTheLimit) {
  EXPECT_THAT(damage_of(std::string("\xFF\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("header should have 255 bytes and the whole file has 10"));
  EXPECT_THAT(damage_of(std::string(100, '\xFF')), HasSubstr("more than the 100 MB allowed"));
}

TEST_F(Safetensors, RefusesAFileThatIsWrittenToMeanwhile) {
  save_safetensors(file_, {{"a", torch::zeros({1 << 23})}});
  std::atomic<int> writes = 0;
  std::jthread writer([&](const std::stop_token& stop) {
    const auto first = fs::last_write_time(file_);
    while (!stop.stop_requested()) {
      fs::last_write_time(file_, first + std::chrono::seconds(++writes));
    }
  });
  while (writes == 0) std::this_thread::yield();
  EXPECT_THAT(error_of([&] { load_safetensors(file_); }),
              AllOf(HasSubstr(file_.string()), HasSubstr("was written to after")));
}

TEST_F(Safetensors, NamesATensorThatItCannotSave) {
  const auto save = [&](const std::string& name, const torch::Tensor& tensor) {
    return error_of([&] { save_safetensors(file_, {{name, tensor}}); });
  };
  EXPECT_THAT(save("x", torch::zeros({1}, torch::kComplexFloat)),
              HasSubstr("tensor 'x' has dtype ComplexFloat"));
  EXPECT_THAT(save("x", torch::Tensor()), HasSubstr("tensor 'x' is undefined"));
  EXPECT_THAT(save("x", torch::eye(2).to_sparse()), HasSubstr("tensor 'x' is not dense"));
  EXPECT_THAT(save("__metadata__", torch::ones(1)), HasSubstr("'__metadata__'"));
  EXPECT_THAT(save("\xFF", torch::ones(1)), HasSubstr("must be UTF-8"));
  EXPECT_THAT(names_in(temporary_.path()), IsEmpty());
}

TEST_F(Safetensors, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  save_safetensors(file_, {{"x", torch::ones(3)}});
  const std::string old = get(file_);
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = error_of([&] { save_safetensors(file_, {{"x", torch::ones(1000)}}); });
  }
  EXPECT_THAT(message, HasSubstr(file_.string() + "': File too large"));
  EXPECT_EQ(get(file_), old);
  EXPECT_THAT(names_in(temporary_.path()), testing::ElementsAre("a.safetensors"));
}

}  // namespace
}  // namespace aero::checkpoint
