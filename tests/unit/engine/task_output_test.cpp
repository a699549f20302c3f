// Output keeps its order and its characters whole, and a flood waits for whoever takes it.
#include "engine/task_output.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace trireme {
namespace {

using Kind = OutputPiece::Kind;
using Pieces = std::vector<OutputPiece>;

struct TaskOutputTest : ::testing::Test {
  std::atomic<int> soon{0};
  std::atomic<int> now{0};
  TaskOutput output{[this](TaskOutput::Urgency urgency) {
    ++(urgency == TaskOutput::Urgency::kSoon ? soon : now);
  }};
};

TEST_F(TaskOutputTest, PiecesOfOneStreamAreJoinedAndStreamsKeepTheirOrder) {
  output.append(Kind::kStdout, "a");
  output.append(Kind::kStdout, "b");
  output.append(Kind::kStderr, "c");
  output.append(Kind::kStdout, "d");
  EXPECT_EQ(output.take(),
            (Pieces{{Kind::kStdout, "ab"}, {Kind::kStderr, "c"}, {Kind::kStdout, "d"}}));
  EXPECT_TRUE(output.take().empty());
}

TEST_F(TaskOutputTest, DisplaysAreNeverJoined) {
  output.append(Kind::kDisplay, "{}");
  output.append(Kind::kDisplay, "{}");
  EXPECT_EQ(output.take().size(), 2u);
}

TEST_F(TaskOutputTest, TheTakerIsWokenOncePerFilling) {
  for (int i = 0; i < 10; ++i) output.append(Kind::kStdout, "x");
  EXPECT_EQ(soon, 1);
  output.take();
  output.append(Kind::kStdout, "x");
  EXPECT_EQ(soon, 2);
  EXPECT_EQ(now, 0);
}

TEST_F(TaskOutputTest, MuchOutputAsksForHaste) {
  output.append(Kind::kStdout, std::string(TaskOutput::kUrgentBytes - 1, 'x'));
  EXPECT_EQ(now, 0);
  output.append(Kind::kStdout, "xy");
  output.append(Kind::kStdout, "z");
  EXPECT_EQ(now, 1);
}

TEST_F(TaskOutputTest, ACharacterCutInTwoIsShownWhole) {
  const std::string text = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z";
  std::string shown;
  for (const char byte : text) {
    output.append(Kind::kStdout, std::string_view(&byte, 1));
    for (const OutputPiece& piece : output.take()) {
      EXPECT_EQ(complete_utf8_bytes(piece.text), piece.text.size());
      shown += piece.text;
    }
  }
  EXPECT_EQ(shown, text);
}

TEST_F(TaskOutputTest, AHalfCharacterOfOneStreamDoesNotMixWithTheOther) {
  output.append(Kind::kStdout, "\xC3");
  output.append(Kind::kStderr, "e");
  output.append(Kind::kStdout, "\xBC");
  EXPECT_EQ(output.take(), (Pieces{{Kind::kStderr, "e"}, {Kind::kStdout, "\xC3\xBC"}}));
}

TEST_F(TaskOutputTest, ClosingGivesAlsoWhatIsIncomplete) {
  output.append(Kind::kStdout, "a\xC3");
  EXPECT_EQ(output.close(), (Pieces{{Kind::kStdout, "a"}, {Kind::kStdout, "\xC3"}}));
  output.append(Kind::kStdout, "late");
  EXPECT_TRUE(output.take().empty());
}

TEST_F(TaskOutputTest, AFloodWaitsForTheTaker) {
  constexpr std::size_t kChunk = 64u << 10;
  constexpr std::size_t kChunks = 4 * TaskOutput::kBytesMax / kChunk;
  std::thread writer([&] {
    for (std::size_t i = 0; i < kChunks; ++i) {
      output.append(Kind::kStdout, std::string(kChunk, 'x'));
    }
  });
  std::size_t taken = 0;
  while (taken < kChunks * kChunk) {
    for (const OutputPiece& piece : output.take()) {
      EXPECT_LE(piece.text.size(), TaskOutput::kBytesMax + kChunk);
      taken += piece.text.size();
    }
    std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(taken, kChunks * kChunk);
}

TEST_F(TaskOutputTest, ClosingLetsAWaitingWriterGo) {
  output.append(Kind::kStdout, std::string(TaskOutput::kBytesMax, 'x'));
  std::thread writer([&] { output.append(Kind::kStdout, "never shown"); });
  output.close();
  writer.join();
}

TEST(CompleteUtf8BytesTest, CutsOnlyInsideACharacter) {
  struct Case {
    std::string text;
    std::size_t complete;
  };
  const Case cases[] = {
      {"", 0},
      {"abc", 3},
      {"a\xC3", 1},
      {"a\xC3\xBC", 3},
      {"\xE2\x82", 0},
      {"\xE2\x82\xAC", 3},
      {"\xF0\x9F\x98", 0},
      {"\xF0\x9F\x98\x80", 4},
      {"\x80\x80\x80", 3},
      {"\xFF", 1},
      {"x\x80", 2},
      {"\x80\x80\x80\x80\x80", 5},
  };
  for (const Case& each : cases) EXPECT_EQ(complete_utf8_bytes(each.text), each.complete);
}

}  // namespace
}  // namespace trireme
