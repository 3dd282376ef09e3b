#include "aero/core/checksum.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstddef>
#include <random>
#include <string>

namespace aero {
namespace {

// The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
TEST(Checksum, IsTheCrc32OfTheCatalogue) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32("56789", crc32("1234")), 0xCBF43926U);
  EXPECT_EQ(checksum_text(crc32("")), "00000000");
}

TEST(Checksum, EqualsZlibsForAnyLengthPlaceAndPrecedingPart) {
  std::mt19937 random(1);
  std::string bytes(70'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (int i = 0; i < 500; ++i) {
    const std::size_t begin = random() % 100;
    const std::size_t length = i < 300 ? static_cast<std::size_t>(i) : random() % 69'000;
    const std::uint32_t before = i % 2 == 0 ? 0 : static_cast<std::uint32_t>(random());
    const auto part = std::string_view(bytes).substr(begin, length);
    EXPECT_EQ(crc32(part, before),
              ::crc32_z(before, reinterpret_cast<const Bytef*>(part.data()), part.size()))
        << begin << " " << length;
  }
}

TEST(Checksum, OfNoBytesIsTheOneBefore) {
  EXPECT_EQ(crc32({}, 5), 5U);
}

}  // namespace
}  // namespace aero
