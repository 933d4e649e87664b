import * as z from "../ground/zod.js";

/**
 * A pattern for JSON: a mapping matches a mapping that has at least these keys; lists match item by item and in
 * length; everything else must be equal.
 */
const pattern = z.record(z.string(), z.json());

const httpTest = z.strictObject({
  get: z
    .string()
    .startsWith("/", "a path, like /health")
    .optional()
    .meta({ description: "Path to ask with GET.", examples: ["/"] }),
  post: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "File whose bytes are sent with POST.", examples: ["tests/hello.png"] }),
  to: z
    .string()
    .startsWith("/", "a path, like /read")
    .optional()
    .meta({ description: "Path to POST to.", examples: ["/read"] }),
  status: z.int().min(100).max(599).default(200).meta({ description: "Expected status code." }),
  expect: pattern.optional().meta({
    description: "Keys and values that the JSON answer must have; further keys are ignored.",
    examples: [{ text: ["HELLO"] }],
  }),
});

export const testsSchema = z.strictObject({
  timeout: z.int().min(1).max(3600).default(240).meta({
    description:
      "Seconds from power-on after which missing lines are a failure. An emulated board is about ten times slower than a real one.",
  }),
  expect: z
    .array(pattern)
    .max(1000)
    .default([])
    .meta({
      description:
        "Console lines that must come, each given by some of its keys and values; in any order, each line used once.",
      examples: [[{ edgeimg: "result", picture: "hello.png", text: ["HELLO"] }]],
    }),
  http: z
    .array(
      httpTest.superRefine((test, context) => {
        const count = Number(test.get !== undefined) + Number(test.post !== undefined);
        if (count !== 1) context.addIssue({ code: "custom", message: "give either `get`, or `post` and `to`" });
        else if ((test.post !== undefined) !== (test.to !== undefined))
          context.addIssue({ code: "custom", message: "`post` and `to` go together" });
      }),
    )
    .max(1000)
    .default([])
    .meta({
      description: "Requests sent to the app's HTTP port once it is ready.",
      examples: [[{ post: "tests/hello.png", to: "/read", expect: { text: ["HELLO"] } }]],
    }),
});

export type TestsConfig = z.infer<typeof testsSchema>;
