#include "aero/core/checksum.h"

#include <gtest/gtest.h>

namespace aero {
namespace {

// The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
TEST(Checksum, IsTheCrc32OfTheCatalogue) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32("56789", crc32("1234")), 0xCBF43926U);
  EXPECT_EQ(checksum_text(crc32("")), "00000000");
}

}  // namespace
}  // namespace aero
