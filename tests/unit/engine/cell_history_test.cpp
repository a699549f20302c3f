// Front ends get the cells they ask for.
#include "engine/cell_history.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using Json = nlohmann::json;

struct HistoryCase {
  std::string name;
  Json request;
  std::vector<int> numbers;  // of the cells in the answer
};

struct CellHistoryTest : ::testing::TestWithParam<HistoryCase> {};

TEST_P(CellHistoryTest, AnswersWhatWasAskedFor) {
  CellHistory history;
  int number = 0;
  for (const char* code : {"int a;", "a = 1", "b", "a = 1", "print(a)"}) {
    history.add(++number, code);
  }
  const Json answer = Json::parse(history.answer(GetParam().request.dump()));
  EXPECT_EQ(answer.at("status"), "ok");
  std::vector<int> numbers;
  for (const Json& cell : answer.at("history")) {
    EXPECT_EQ(cell.at(0), CellHistory::kSession);
    numbers.push_back(cell.at(1));
  }
  EXPECT_EQ(numbers, GetParam().numbers);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, CellHistoryTest,
    ::testing::Values(
        HistoryCase{"Tail", {{"hist_access_type", "tail"}, {"n", 2}}, {4, 5}},
        HistoryCase{
            "TailOfMoreThanThereIs", {{"hist_access_type", "tail"}, {"n", 99}}, {1, 2, 3, 4, 5}},
        HistoryCase{"NegativeCount", {{"hist_access_type", "tail"}, {"n", -1}}, {}},
        HistoryCase{"Range", {{"hist_access_type", "range"}, {"start", 2}, {"stop", 4}}, {2, 3}},
        HistoryCase{
            "OpenRange", {{"hist_access_type", "range"}, {"start", 4}, {"stop", nullptr}}, {4, 5}},
        HistoryCase{"Search", {{"hist_access_type", "search"}, {"pattern", "*a*"}}, {1, 2, 4, 5}},
        HistoryCase{"SearchUnique",
                    {{"hist_access_type", "search"}, {"pattern", "a = ?"}, {"unique", true}},
                    {4}},
        HistoryCase{
            "SearchLatest", {{"hist_access_type", "search"}, {"pattern", "*"}, {"n", 1}}, {5}},
        HistoryCase{"Nonsense", {{"hist_access_type", 5}, {"n", "x"}}, {1, 2, 3, 4, 5}}),
    [](const auto& each) { return each.param.name; });

TEST(CellHistoryOutputTest, OutputsComeWhenAskedFor) {
  CellHistory history;
  history.add(1, "40 + 2");
  history.add(2, "int a;");
  history.set_output(1, "42");
  const Json answer =
      Json::parse(history.answer(R"({"hist_access_type": "tail", "n": 5, "output": true})"));
  EXPECT_EQ(answer.at("history").at(0), Json::parse(R"([1, 1, ["40 + 2", "42"]])"));
  EXPECT_EQ(answer.at("history").at(1), Json::parse(R"([1, 2, ["int a;", null]])"));
}

TEST(CellHistoryOutputTest, ABrokenRequestIsHarmless) {
  EXPECT_EQ(Json::parse(CellHistory().answer("[")).at("history"), Json::array());
}

TEST(FitsPatternTest, StarsAndQuestionMarks) {
  EXPECT_TRUE(fits_pattern("abc", "a*c"));
  EXPECT_TRUE(fits_pattern("abc", "***"));
  EXPECT_TRUE(fits_pattern("", "*"));
  EXPECT_TRUE(fits_pattern("aXbXc", "a*X?"));
  EXPECT_FALSE(fits_pattern("abc", "a?"));
  EXPECT_FALSE(fits_pattern("", "?"));
  EXPECT_FALSE(fits_pattern("abc", "b*"));
}

}  // namespace
}  // namespace trireme
