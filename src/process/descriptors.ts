// Looks at descriptors of other processes, by a thread that may wait for them (descriptors-thread.ts).
import { Aside } from './aside.js';
import type { DescriptorAnswer, DescriptorQuestion } from './descriptors-thread.js';

type AnswerTo<What> = Extract<DescriptorAnswer, { what: What }>;

export class Descriptors {
  private readonly aside: Aside<DescriptorQuestion, DescriptorAnswer>;

  constructor(log: (line: string) => void) {
    const url = new URL('./descriptors-thread.js', import.meta.url);
    this.aside = new Aside(url, 'the look at descriptors', log);
  }

  /** Calls `answered` once, later; with undefined when the thread fails or takes too long. */
  ask<What extends DescriptorQuestion['what']>(
    question: Extract<DescriptorQuestion, { what: What }>,
    answered: (answer: AnswerTo<What> | undefined) => void,
  ): void {
    // The thread answers what it was asked.
    this.aside.ask(question, answer => answered(answer as AnswerTo<What> | undefined));
  }

  close(): void {
    this.aside.close();
  }
}
