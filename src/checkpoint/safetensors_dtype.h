#pragma once

#include <torch/torch.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace aero::checkpoint {

struct Dtype {
  std::string_view name;  ///< in the file
  torch::ScalarType type;
};

/// The dtypes that the format and LibTorch share, in the order in which a file holds their tensors.
inline constexpr std::array<Dtype, 13> dtypes = {{
    {"U64", torch::kUInt64},
    {"I64", torch::kInt64},
    {"F64", torch::kFloat64},
    {"F32", torch::kFloat32},
    {"U32", torch::kUInt32},
    {"I32", torch::kInt32},
    {"BF16", torch::kBFloat16},
    {"F16", torch::kFloat16},
    {"U16", torch::kUInt16},
    {"I16", torch::kInt16},
    {"I8", torch::kInt8},
    {"U8", torch::kUInt8},
    {"BOOL", torch::kBool},
}};

/// So many bytes are read or written at once. They are in the processor's cache when their checksum
/// is computed.
inline constexpr std::size_t part = std::size_t{1} << 20;

/// The longest header in bytes that is allowed, as in the Python package.
inline constexpr std::size_t header_limit = 100'000'000;

}  // namespace aero::checkpoint
