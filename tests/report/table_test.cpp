#include "aero/report/table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace aero::report {
namespace {

TEST(Table, IsPaddedMarkdownWithNumbersToTheRight) {
  Table table({{"model"}, {"ppl", Align::right}});
  table.add_row({"SM+LN+G", "2.69"});
  table.add_row({"SM", "13.5"});
  EXPECT_EQ(table.to_markdown(),
            "| model   |  ppl |\n"
            "| ------- | ---: |\n"
            "| SM+LN+G | 2.69 |\n"
            "| SM      | 13.5 |\n");
}

TEST(Table, WithoutRowsIsItsTitles) {
  const Table table({{"a"}, {"b", Align::right}});
  EXPECT_EQ(table.to_markdown(),
            "| a   |   b |\n"
            "| --- | --: |\n");
  EXPECT_EQ(table.to_csv(), "a,b\n");
}

TEST(Table, KeepsBarsAndLineBreaksOfACellWithinItInMarkdown) {
  Table table({{"a|b"}});
  table.add_row({"x|y\nz"});
  EXPECT_EQ(table.to_markdown(),
            "| a\\|b   |\n"
            "| ------ |\n"
            "| x\\|y z |\n");
}

TEST(Table, CountsCharactersAndNotBytesForItsPadding) {
  Table table({{"Größe"}});
  table.add_row({"12345"});
  EXPECT_EQ(table.to_markdown(),
            "| Größe |\n"
            "| ----- |\n"
            "| 12345 |\n");
}

// The rules of RFC 4180, section 2.
TEST(Table, QuotesInCsvWhatWouldBreakALine) {
  Table table({{"name"}, {"a,b"}});
  table.add_row({"say \"hi\"", "1,5"});
  table.add_row({"two\nlines", "two\rlines"});
  table.add_row({"plain |", ""});
  EXPECT_EQ(table.to_csv(),
            "name,\"a,b\"\n"
            "\"say \"\"hi\"\"\",\"1,5\"\n"
            "\"two\nlines\",\"two\rlines\"\n"
            "plain |,\n");
}

TEST(Table, ShowsNoControlCharacters) {
  Table table({{"name"}});
  table.add_row({"a\x1b[31mred"});
  EXPECT_EQ(table.to_markdown(), "| name      |\n| --------- |\n| a?[31mred |\n");
}

TEST(Table, RefusesARowOfAnotherLength) {
  Table table({{"a"}, {"b"}});
  EXPECT_THROW(table.add_row({"1"}), std::invalid_argument);
  EXPECT_THROW(table.add_row({"1", "2", "3"}), std::invalid_argument);
  EXPECT_EQ(table.rows(), 0U);
}

TEST(Table, IsATabularOfBooktabsWithoutEmptyColumns) {
  Table table({{"model"}, {"first step"}, {"change", Align::right}});
  table.add_row({"50% a_b & c", "", "-0.80%"});
  table.add_row({"[x]^2 {y} ~ # $ \\ | < >", "", "2.94 ± 0.01"});
  table.add_row({"α ≤ R^{16x8}, R^{2x}", "", ""});
  EXPECT_EQ(table.to_latex(), R"(% needs \usepackage{amssymb,booktabs}
\begin{tabular}{lr}
\toprule
model & change \\
\midrule
50\% a\_b \& c & $-$0.80\% \\
{[}x]\textasciicircum{}2 \{y\} \textasciitilde{} \# \$ \textbackslash{} \textbar{} \textless{} \textgreater{} & 2.94 $\pm$ 0.01 \\
$\alpha$ $\leq$ $\mathbb{R}^{16\times 8}$, R\textasciicircum{}\{2x\} &  \\
\bottomrule
\end{tabular}
)");
}

}  // namespace
}  // namespace aero::report
