#include "aero/report/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace aero::report {
namespace {

using ::testing::HasSubstr;

const std::string table =
    "# Title\n\n"
    "| model   | operations                             |  ppl |\n"
    "| ------- | -------------------------------------- | ---: |\n"
    "| SM+LN+G | SM: 4 x R^{16x16}, LN: 2 x R^{16x8}    | 2.69 |\n"
    "| SM      | SM: 4 x R^{16x16}                      | 13.5 |\n"
    "\nText that is longer than the terminal is broken between words.\n"
    "- so is an item, with what follows to the right of its dash\n";

TEST(FitTables, LeavesWhatFitsAsItIs) {
  EXPECT_EQ(fit_tables(table, 0), table);
  EXPECT_EQ(fit_tables(table, 62), table);
}

TEST(FitTables, WrapsTheWidestColumnBetweenWords) {
  EXPECT_EQ(fit_tables(table, 42),
            "# Title\n\n"
            "| model   | operations            |  ppl |\n"
            "| ------- | --------------------- | ---: |\n"
            "| SM+LN+G | SM: 4 x R^{16x16},    | 2.69 |\n"
            "|         | LN: 2 x R^{16x8}      |      |\n"
            "| SM      | SM: 4 x R^{16x16}     | 13.5 |\n"
            "\nText that is longer than the terminal is\n"
            "broken between words.\n"
            "- so is an item, with what follows to the\n"
            "  right of its dash\n");
}

TEST(FitTables, DropsAColumnWhoseWordsDoNotFitAndSaysSo) {
  EXPECT_THAT(fit_tables(table, 23), HasSubstr("| model   |  ppl |\n"
                                               "| ------- | ---: |\n"
                                               "| SM+LN+G | 2.69 |\n"
                                               "| SM      | 13.5 |\n"
                                               "(too narrow for:\n"
                                               "operations; --wide\n"
                                               "prints all)\n"));
}

TEST(FitTables, KeepsTheColumnsOnTheLeft) {
  const std::string four =
      "| member | perplexity | seeds | FFN |\n"
      "| ------ | ---------- | ----- | --- |\n"
      "| SM     | 2.69       | 3     | 4 M |\n";
  EXPECT_THAT(fit_tables(four, 30), HasSubstr("| member | perplexity | FFN |\n"
                                              "| ------ | ---------- | --- |\n"
                                              "| SM     | 2.69       | 4 M |\n"
                                              "(too narrow for: seeds; --wide"));
}

TEST(FitTables, KeepsTheFirstColumnHoweverNarrowTheTerminal) {
  const auto text = fit_tables(table, 1);
  EXPECT_THAT(text, HasSubstr("| SM+LN+G |\n"));
  EXPECT_THAT(text, HasSubstr("(too\nnarrow\nfor:\noperations,\nppl;\n--wide"));
}

TEST(FitTables, CountsCharactersAndKeepsAnEscapedBarInItsCell) {
  const std::string bars =
      "| a\\|b  | c             |\n"
      "| ----- | ------------- |\n"
      "| x ± y | 1.00 ± 0.01 z |\n";
  EXPECT_EQ(fit_tables(bars, 26), bars);
  EXPECT_EQ(fit_tables(bars, 22),
            "| a\\|b  | c          |\n"
            "| ----- | ---------- |\n"
            "| x ± y | 1.00 ±     |\n"
            "|       | 0.01 z     |\n");
}

TEST(FitTables, NeverPrintsALineBeyondTheWidth) {
  for (int columns = 12; columns < 70; ++columns) {
    std::istringstream lines(fit_tables(table, columns));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(static_cast<int>(line.size()), columns) << line;
    }
  }
}

}  // namespace
}  // namespace aero::report
